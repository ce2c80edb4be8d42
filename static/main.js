// The demo page: an account from its first day on. Every text goes in as text, never as HTML.

import { ApiError, call, token } from "./api.js";

const $ = (id) => document.getElementById(id);

const SEARCH_PAUSE = 200;

function notice(text, bad = false) {
  $("notice").textContent = text;
  $("notice").classList.toggle("bad", bad);
  $("notice").hidden = !text;
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

// Runs what somebody asked for, and shows what comes of it.
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401 && token.get()) leave();
    notice(error.message, true);
  }
}

function onSubmit(id, action) {
  const form = $(id);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    await attempt(() => action(Object.fromEntries(new FormData(form)), form));
    button.disabled = false;
  });
}

function show(user) {
  $("who").textContent = user ? user.displayName : "";
  for (const id of ["who", "logout", "home"]) $(id).hidden = !user;
  $("entrance").hidden = Boolean(user);
  if (!user) return;
  $("profile").elements.displayName.value = user.displayName;
  const facts = {
    "User name": user.username,
    "E-mail": user.email ?? "none",
    Role: user.role,
    Since: new Date(user.createdAt).toLocaleDateString(),
  };
  $("facts").replaceChildren(
    ...Object.entries(facts).flatMap(([name, value]) => [element("dt", name), element("dd", value)]),
  );
}

function leave() {
  token.forget();
  for (const form of document.forms) form.reset();
  $("people").replaceChildren();
  show(null);
}

async function enter(user) {
  show(user);
  await listSessions();
}

async function logIn(path, fields) {
  const { user, token: fresh, message } = await call("POST", path, fields);
  token.set(fresh);
  await enter(user);
  notice(message);
}

async function listSessions() {
  const { sessions } = await call("GET", "/api/auth/sessions");
  $("sessions").replaceChildren(...sessions.map(sessionItem));
}

// A browser names all its ancestors too, so the youngest is looked for first.
function clientName(agent) {
  const names = ["Edg", "OPR", "Firefox", "Chrome", "Safari"];
  return names.find((name) => agent.includes(`${name}/`)) ?? (agent || "unknown client");
}

function sessionItem(session) {
  const item = element("li", "");
  const since = new Date(session.createdAt).toLocaleString();
  item.append(element("span", `${clientName(session.agent)} at ${session.address}, ${since}`));
  if (session.current) {
    item.append(element("span", "this one", "faint"));
    return item;
  }
  const end = element("button", "End", "quiet");
  end.addEventListener("click", () =>
    attempt(async () => {
      await call("DELETE", `/api/auth/sessions/${session.id}`);
      await listSessions();
    }),
  );
  item.append(end);
  return item;
}

// Answers may overtake each other; only the one to the latest question counts.
let asked = 0;

async function search(text) {
  const question = ++asked;
  const people = text ? await call("GET", `/api/users/search?q=${encodeURIComponent(text)}`) : [];
  if (question !== asked) return;
  const items = people.map((person) => {
    const item = element("li", "");
    item.append(element("span", person.displayName), element("span", `@${person.username}`, "faint"));
    return item;
  });
  if (text && !items.length) items.push(element("li", "Nobody by that name", "faint"));
  $("people").replaceChildren(...items);
}

onSubmit("login", (fields) => logIn("/api/auth/login", fields));
onSubmit("register", ({ email, ...fields }) =>
  logIn("/api/auth/register", email ? { email, ...fields } : fields),
);
onSubmit("profile", async (fields) => {
  const { user } = await call("PATCH", "/api/auth/profile", fields);
  show(user);
  notice("Saved");
});
onSubmit("password", async (fields, form) => {
  await logIn("/api/auth/password", fields);
  form.reset();
});

$("logout").addEventListener("click", () =>
  attempt(async () => {
    await call("POST", "/api/auth/logout");
    leave();
    notice("Logged out");
  }),
);
$("logout-all").addEventListener("click", () =>
  attempt(async () => {
    await call("POST", "/api/auth/logout-all");
    leave();
    notice("Logged out everywhere");
  }),
);

let pause;
$("search").addEventListener("input", (event) => {
  clearTimeout(pause);
  pause = setTimeout(() => attempt(() => search(event.target.value.trim())), SEARCH_PAUSE);
});

show(null);
if (token.get()) attempt(async () => enter(await call("GET", "/api/auth/me")));
