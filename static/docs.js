// The page of calls and frames: drawn from what the server says of itself. Every text goes in as text.

import { token } from "./api.js";
import { schemaView, sample } from "./schemas.js";
import { element, joined } from "./elements.js";
import { socketConsole } from "./frames.js";

const $ = (id) => document.getElementById(id);

let description;
let sockets;

const METHODS = { get: "GET", post: "POST", put: "PUT", patch: "PATCH", delete: "DELETE" };

async function start() {
  const [openapi, asyncapi] = await Promise.all(
    ["/openapi.json", "/asyncapi.json"].map(async (path) => (await fetch(path)).json()),
  );
  [description, sockets] = [openapi, asyncapi];
  $("about").append(...openapi.info.description.split(/\n\n+/).map((text) => prose(text)));
  for (const tag of openapi.tags) $("calls").append(group(tag));
  for (const [name, channel] of Object.entries(asyncapi.channels)) $("frames").append(channelView(name, channel));
  contents();
  await show();
  openNamed();
}

// Words with `code` in them.
function coded(name, text) {
  return joined(element(name), text.split("`").map((part, n) => (n % 2 ? element("code", part) : part)));
}

const prose = (text) => coded("p", text);

function operations(tag) {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.tags.includes(tag))
      .map(([method, operation]) => ({ path, method, ...operation })),
  );
}

function group(tag) {
  const made = element("section", "", "group prose");
  made.append(element("h2", tag.name.replaceAll("_", " ")), element("p", tag.description));
  for (const operation of operations(tag.name)) made.append(callView(operation));
  return made;
}

// A call is drawn in full when it is first opened: there are many, and few are looked at.
function foldable(id, verb, verbClass, title, what, lock, inside) {
  const made = element("details", "", "call");
  made.id = id;
  made.dataset.words = `${verb} ${title} ${what}`.toLowerCase();
  const summary = element("summary");
  const path = element("span", "", "path");
  for (const [n, part] of title.split(/[{}]/).entries()) path.append(n % 2 ? element("i", `:${part}`) : part);
  summary.append(element("span", verb, `verb ${verbClass}`), path, element("span", what, "what"));
  if (lock) summary.append(element("span", lock, "lock"));
  made.append(summary);
  made.addEventListener("toggle", () => {
    if (made.open && made.childElementCount === 1) made.append(inside());
  });
  return made;
}

function callView(operation) {
  const { path, method, summary, operationId } = operation;
  const lock = operation.security.length ? "with a token" : "";
  return foldable(operationId, METHODS[method], method, path, summary, lock, () => callInside(operation));
}

function callInside(operation) {
  const inside = element("div", "", "inside");
  if (operation.description) inside.append(prose(operation.description));
  const form = element("form");
  const fields = operation.parameters.map(parameterRow);
  if (fields.length) {
    form.append(element("h3", "Takes"), joined(element("table", "", "fields"), [joined(element("tbody"), fields)]));
  }
  let body;
  if (operation.requestBody) {
    const [[type, { schema }]] = Object.entries(operation.requestBody.content);
    const box = element("div");
    box.append(element("h3", "Body"));
    body = type === "application/json" ? jsonBody(schema, box) : fileBody(type, schema, box);
    form.append(box);
  }
  form.append(tryRow(operation, form, body));
  inside.append(form, answersView(operation.responses));
  return inside;
}

// A body is its type (unless the browser knows it better), what to send, and how curl sends it.
function jsonBody(schema, box) {
  const text = element("textarea");
  text.value = JSON.stringify(sample(schema, description.components.schemas), null, 2);
  text.setAttribute("aria-label", "Body of the call");
  text.spellcheck = false;
  box.append(schemaView(schema, description.components.schemas), text);
  return {
    type: "application/json",
    data: () => text.value,
    curl: () => ["-H 'Content-Type: application/json'", `-d ${quoted(text.value)}`],
  };
}

function fileBody(type, schema, box) {
  const [field, { type: many }] = Object.entries(schema?.properties ?? { file: {} })[0];
  const input = element("input");
  input.type = "file";
  input.multiple = many === "array";
  input.setAttribute("aria-label", field);
  box.append(element("p", `${type}${schema ? `, with the field ${field}` : ""}`), input);
  const names = () => [...input.files].map((file) => file.name);
  if (!schema) {
    const curl = () => [`-H 'Content-Type: ${type}'`, `--data-binary ${quoted(`@${names()[0] ?? ""}`)}`];
    return { type, data: () => input.files[0] ?? "", curl };
  }
  const data = () => {
    const sent = new FormData();
    for (const file of input.files) sent.append(field, file);
    return sent;
  };
  return { data, curl: () => names().map((name) => `-F ${quoted(`${field}=@${name}`)}`) };
}

function parameterRow(parameter) {
  const row = element("tr");
  const name = element("td");
  name.append(element("code", parameter.name), parameter.required ? element("b", " *") : "");
  const input = element("input");
  input.name = `${parameter.in}:${parameter.name}`;
  input.required = parameter.required ?? false;
  input.autocomplete = "off";
  input.setAttribute("aria-label", parameter.name);
  const fallback = parameter.schema.default;
  if (fallback !== undefined && fallback !== "") input.placeholder = String(fallback);
  const where = parameter.in === "path" ? "part of the path" : parameter.description;
  row.append(name, coded("td", where), joined(element("td"), [input]));
  return row;
}

function tryRow(operation, form, body) {
  const box = element("div");
  const button = element("button", "Try it");
  const status = element("span", "", "status");
  const shown = element("pre");
  shown.hidden = true;
  shown.tabIndex = 0;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await attempt(operation, new FormData(form), body, status, shown);
    } catch (error) {
      [status.className, status.textContent] = ["status bad", error.message];
    }
    button.disabled = false;
  });
  const row = element("div", "", "row");
  row.append(button, status);
  box.append(row, shown);
  return box;
}

async function attempt(operation, fields, body, status, shown) {
  let path = operation.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const [name, value] of fields) {
    const [where, field] = name.split(":");
    if (where === "path") path = path.replace(`{${field}}`, encodeURIComponent(value));
    else if (where === "header" && value) headers[field] = value;
    else if (value) query.set(field, value);
  }
  const address = query.size ? `${path}?${query}` : path;
  const said = Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`);
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (body?.type) headers["Content-Type"] = body.type;
  const begun = performance.now();
  const answer = await fetch(address, { method: METHODS[operation.method], headers, body: body?.data() });
  const text = await shownAs(answer);
  const took = Math.round(performance.now() - begun);
  status.className = answer.ok ? "status good" : "status bad";
  status.textContent = `${answer.status} ${answer.statusText} in ${took} ms`;
  const parts = ["curl"];
  if (operation.method !== "get") parts.push(`-X ${METHODS[operation.method]}`);
  if (token.get()) parts.push('-H "Authorization: Bearer $TOKEN"');
  parts.push(...said, ...(body?.curl() ?? []));
  parts.push(quoted(location.origin + address));
  shown.textContent = `${parts.join(" ")}\n\n${pretty(text)}`;
  shown.hidden = false;
}

async function shownAs(answer) {
  const type = answer.headers.get("Content-Type") ?? "";
  if (!type || type.startsWith("application/json")) return answer.text();
  return `${(await answer.blob()).size} bytes of ${type}`;
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function answersView(responses) {
  const box = element("div");
  const tabs = element("div", "", "answers");
  const shown = element("div");
  box.append(element("h3", "Answers"), tabs, shown);
  for (const [status, response] of Object.entries(responses)) {
    const tab = element("button", status);
    tab.type = "button";
    tab.addEventListener("click", () => {
      for (const other of tabs.children) other.setAttribute("aria-pressed", String(other === tab));
      shown.replaceChildren(...answerView(status, response));
    });
    tabs.append(tab);
  }
  tabs.firstElementChild.click();
  return box;
}

function answerView(status, response) {
  const schema = response.content?.["application/json"]?.schema;
  if (!schema) return [element("p", response.description)];
  const codes = schema.properties?.code?.enum;
  if (!codes) return [schemaView(schema, description.components.schemas)];
  const list = element("div", "", "codes");
  list.append(...codes.map((code) => element("code", code)));
  return [list, schemaView(schema.allOf[0], description.components.schemas)];
}

// The sockets.

function channelView(name, channel) {
  const made = element("section", "", "group prose");
  made.append(element("h2", `Socket: ${name}`), prose(channel.description));
  if (name === "native") made.append(socketConsole());
  for (const operation of Object.values(sockets.operations)) {
    if (operation.channel.$ref !== `#/channels/${name}`) continue;
    made.append(frameView(name, operation));
  }
  return made;
}

function messageOf(reference) {
  const [, , channel, , message] = reference.$ref.split("/");
  return sockets.channels[channel].messages[message];
}

function frameView(channel, operation) {
  const message = messageOf(operation.messages[0]);
  const heard = operation.action === "send";
  const payload = message.payload.properties?.payload ?? message.payload;
  const schemas = sockets.components.schemas;
  const named = schemas[payload.$ref?.split("/").pop()];
  const what = (named?.description ?? "").split("\n")[0];
  const key = operation.messages[0].$ref.split("/").pop();
  return foldable(`${channel}.${key}`, heard ? "HEAR" : "SAY", heard ? "hear" : "", message.name, what, "", () => {
    const inside = element("div", "", "inside");
    inside.append(schemaView(payload, schemas));
    if (operation.reply) {
      inside.append(element("h3", "Answer"));
      for (const reference of operation.reply.messages) {
        const answer = messageOf(reference).payload;
        inside.append(schemaView(answer.properties?.payload ?? answer, schemas));
      }
    }
    return inside;
  });
}

// Finding one's way.

function contents() {
  for (const section of document.querySelectorAll(".group")) {
    const made = element("div");
    made.append(element("h2", section.querySelector("h2").textContent));
    for (const call of section.querySelectorAll(".call")) {
      const link = element("a");
      link.href = `#${call.id}`;
      const [verb, path] = call.querySelector("summary").children;
      link.append(verb.cloneNode(true), path.textContent);
      link.dataset.words = call.dataset.words;
      made.append(link);
    }
    $("contents").append(made);
  }
}

$("filter").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/);
  for (const one of document.querySelectorAll("[data-words]")) {
    one.hidden = !words.every((word) => one.dataset.words.includes(word));
  }
  for (const section of document.querySelectorAll(".group, #contents > div")) {
    section.hidden = !section.querySelector("[data-words]:not([hidden])");
    section.style.setProperty("display", section.hidden ? "none" : "", "important");
  }
});

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named?.classList.contains("call")) {
    named.open = true;
    named.scrollIntoView();
  }
}
addEventListener("hashchange", openNamed);

// Being somebody.

async function show() {
  let user;
  if (token.get()) {
    const answer = await fetch("/api/auth/me", { headers: { Authorization: `Bearer ${token.get()}` } });
    if (answer.ok) user = await answer.json();
    else if (answer.status === 401) token.forget();
  }
  $("who").textContent = user ? user.displayName : "";
  $("who").hidden = !user;
  $("login-open").textContent = user ? "Token" : "Log in to try";
  $("logout").hidden = !user;
}

async function enter(path) {
  const fields = new FormData($("login-form"));
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(Object.fromEntries(fields)),
  });
  const said = await answer.json();
  $("login-notice").textContent = answer.ok ? "" : said.message;
  $("login-notice").hidden = answer.ok;
  if (!answer.ok) return;
  token.set(said.token);
  await show();
  $("login").close();
}

$("login-open").addEventListener("click", () => {
  $("token").value = token.get() ?? "";
  $("login").showModal();
});
$("login-close").addEventListener("click", () => $("login").close());
$("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  enter("/api/auth/login");
});
$("register-do").addEventListener("click", () => enter("/api/auth/register"));
$("token").addEventListener("change", async (event) => {
  token.set(event.target.value.trim());
  await show();
});
$("logout").addEventListener("click", async () => {
  token.forget();
  await show();
  $("login").close();
});

start().catch((error) => {
  $("notice").textContent = `The descriptions cannot be read: ${error.message}`;
  $("notice").hidden = false;
});
