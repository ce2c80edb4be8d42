// What opens over the page: finding people and rooms, and who is in a room.

import { call } from "./api.js";
import { element, joined } from "./elements.js";
import { attempt, notice, onSubmit } from "./notice.js";

const SEARCH_PAUSE = 200;

const $ = (id) => document.getElementById(id);

for (const dialog of document.querySelectorAll("dialog")) {
  for (const button of dialog.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => dialog.close());
  }
  // A click beside a dialog falls on the dialog itself.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

// Lists the people whose names hold what is typed; `choose` is what a click does with one.
export function peopleSearch(input, list, verb, choose) {
  // Answers may overtake each other; only the one to the latest question counts.
  let asked = 0;
  let pause;

  async function search(text) {
    const question = ++asked;
    const people = text ? await call("GET", `/api/users/search?q=${encodeURIComponent(text)}`) : [];
    if (question !== asked) return;
    const items = people.map((person) => personItem(person, verb, choose));
    if (text && !items.length) items.push(element("li", "Nobody by that name", "faint"));
    list.replaceChildren(...items);
  }

  input.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => attempt(() => search(input.value.trim())), SEARCH_PAUSE);
  });
  return () => {
    input.value = "";
    list.replaceChildren();
  };
}

function personItem(person, verb, choose) {
  const item = element("li");
  item.append(element("span", person.displayName), element("span", `@${person.username}`, "faint"));
  const button = element("button", verb, "quiet");
  button.type = "button";
  button.setAttribute("aria-label", `${verb}: ${person.displayName}`);
  button.addEventListener("click", () => attempt(() => choose(person)));
  item.append(button);
  return item;
}

// Finding somebody to write to, a room to come into, or making one.
export class Start {
  constructor(open, session) {
    this.dialog = $("start");
    this.session = session;
    this.open = open;
    this.clear = peopleSearch($("search"), $("people"), "Write", (person) =>
      this.make({ kind: "direct", participantIds: [person.id] }),
    );
    onSubmit($("new-room"), ({ name, kind }, form) => this.make({ name, kind }).then(() => form.reset()));
  }

  async make(room) {
    const { client } = this.session;
    const made = await client.ask("CREATE_ROOM", room);
    this.enter(made.room);
  }

  enter(view) {
    this.session.client.take(view);
    this.session.client.emit("rooms");
    this.dialog.close();
    this.open(view.id);
  }

  async show() {
    this.clear();
    this.dialog.showModal();
    const rooms = await call("GET", "/api/rooms?public=1");
    const items = rooms.map((room) => this.publicItem(room));
    if (!items.length) items.push(element("li", "There are none yet: make one", "faint"));
    $("public").replaceChildren(...items);
  }

  publicItem(room) {
    const { client } = this.session;
    const isMine = client.rooms.has(room.id);
    const item = joined(element("li"), [element("span", room.name ?? "A room")]);
    const button = element("button", isMine ? "Open" : "Join", "quiet");
    button.type = "button";
    button.setAttribute("aria-label", `${isMine ? "Open" : "Join"}: ${room.name}`);
    button.addEventListener("click", () =>
      attempt(async () => {
        if (isMine) {
          this.dialog.close();
          this.open(room.id);
          return;
        }
        this.enter((await client.ask("JOIN_ROOM", { roomId: room.id })).room);
      }),
    );
    item.append(button);
    return item;
  }
}

// Who is in a room; those in charge bring others in and send them away.
export class People {
  constructor(session) {
    this.dialog = $("room-people");
    this.session = session;
    this.clear = peopleSearch($("invite-search"), $("invite-found"), "Invite", (person) =>
      this.change("INVITE", person, `${person.displayName} is in the room now`),
    );
    $("leave").addEventListener("click", () => attempt(() => this.leave()));
    $("mute").addEventListener("click", () => attempt(() => this.mute()));
  }

  async show(room) {
    this.room = room;
    this.clear();
    this.dialog.showModal();
    await this.list();
  }

  async list() {
    const { room } = this;
    const { client } = this.session;
    const people = await call("GET", `/api/rooms/${room.id}/members?limit=100`);
    room.people = people;
    const mine = people.find(({ id }) => id === client.me.id)?.role;
    const isInCharge = room.kind !== "direct" && (mine === "owner" || mine === "admin");
    $("invite").hidden = !isInCharge;
    $("leave").hidden = room.isEveryone;
    $("leave").textContent = room.kind === "direct" ? "Hide this conversation" : "Leave the room";
    $("mute").hidden = room.isEveryone;
    $("mute").textContent = room.muted ? "Hear it again" : "Mute";
    $("members").replaceChildren(
      ...people.map((person) => this.memberItem(person, isInCharge && person.role === "member")),
    );
  }

  memberItem(person, mayRemove) {
    const { client } = this.session;
    const item = joined(element("li"), [element("span", person.displayName)]);
    if (client.online.has(person.id)) item.append(element("span", "online", "faint"));
    if (person.role !== "member") item.append(element("span", person.role, "faint"));
    if (!mayRemove) return item;
    const button = element("button", "Remove", "quiet");
    button.type = "button";
    button.setAttribute("aria-label", `Remove: ${person.displayName}`);
    button.addEventListener("click", () =>
      attempt(() => this.change("REMOVE_MEMBER", person, `${person.displayName} was removed`)),
    );
    item.append(button);
    return item;
  }

  async change(type, person, said) {
    await this.session.client.ask(type, { roomId: this.room.id, userId: person.id });
    this.clear();
    notice(said);
    await this.list();
  }

  async leave() {
    await this.session.client.ask("LEAVE_ROOM", { roomId: this.room.id });
    this.dialog.close();
    this.session.client.drop(this.room.id);
  }

  async mute() {
    const { room } = this;
    await this.session.client.ask("MUTE", { roomId: room.id, on: !room.muted });
    this.dialog.close();
  }
}
