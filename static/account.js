// One's account: the profile, the password, and where one is logged in.

import { call, token } from "./api.js";
import { element } from "./elements.js";
import { attempt, notice, onSubmit } from "./notice.js";

const $ = (id) => document.getElementById(id);

// A browser names all its ancestors too, so the youngest is looked for first.
const BROWSERS = ["Edg", "OPR", "Firefox", "Chrome", "Safari"];

// `enter(user)` and `leave()` are what happens when a login begins and ends.
export class Account {
  constructor(enter, leave) {
    this.dialog = $("account");
    onSubmit($("login"), async (fields) => enter(await this.logIn("/api/auth/login", fields)));
    onSubmit($("register"), async ({ email, ...fields }) => {
      const account = email ? { email, ...fields } : fields;
      enter(await this.logIn("/api/auth/register", account));
    });
    onSubmit($("profile"), async (fields) => {
      this.fill((await call("PATCH", "/api/auth/profile", fields)).user);
      notice("Saved");
    });
    onSubmit($("password"), async (fields, form) => {
      // It ends all logins, this one's socket with them, and answers with a new one.
      this.renewing = true;
      try {
        enter(await this.logIn("/api/auth/password", fields));
      } finally {
        this.renewing = false;
      }
      form.reset();
      await this.list();
    });
    for (const [id, path, said] of [
      ["logout", "/api/auth/logout", "Logged out"],
      ["logout-all", "/api/auth/logout-all", "Logged out everywhere"],
    ]) {
      $(id).addEventListener("click", () =>
        attempt(async () => {
          await call("POST", path);
          leave();
          notice(said);
        }),
      );
    }
  }

  async logIn(path, fields) {
    const { user, token: fresh, message } = await call("POST", path, fields);
    token.set(fresh);
    notice(message);
    return user;
  }

  async show() {
    this.dialog.showModal();
    await this.list();
  }

  fill(user) {
    $("who").textContent = user.displayName;
    $("profile").elements.displayName.value = user.displayName;
    // Nothing is done with it; password managers want to know whose password it is.
    $("password").querySelector("[autocomplete=username]").value = user.username;
    const facts = {
      "User name": user.username,
      "E-mail": user.email ?? "none",
      Role: user.role,
      Since: new Date(user.createdAt).toLocaleDateString(),
    };
    const rows = Object.entries(facts);
    $("facts").replaceChildren(
      ...rows.flatMap(([name, value]) => [element("dt", name), element("dd", value)]),
    );
  }

  async list() {
    const { sessions } = await call("GET", "/api/auth/sessions");
    $("sessions").replaceChildren(...sessions.map((session) => this.sessionItem(session)));
  }

  sessionItem(session) {
    const item = element("li");
    const since = new Date(session.createdAt).toLocaleString();
    const browser = BROWSERS.find((name) => session.agent.includes(`${name}/`));
    const client = browser ?? (session.agent || "unknown client");
    item.append(element("span", `${client} at ${session.address}, ${since}`));
    if (session.current) {
      item.append(element("span", "this one", "faint"));
      return item;
    }
    const end = element("button", "End", "quiet");
    end.type = "button";
    end.addEventListener("click", () =>
      attempt(async () => {
        await call("DELETE", `/api/auth/sessions/${session.id}`);
        await this.list();
      }),
    );
    item.append(end);
    return item;
  }
}
