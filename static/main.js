// The demo page: a chat on the native socket and on REST. Every text goes in as text, never as HTML.

import { Account } from "./account.js";
import { call, token } from "./api.js";
import { Client } from "./client.js";
import { Composer } from "./composer.js";
import { People, Start } from "./dialogs.js";
import { attempt, notice, onLoggedOut } from "./notice.js";
import { RoomList } from "./room-list.js";
import { Timeline } from "./timeline.js";
import { typingText } from "./words.js";

const $ = (id) => document.getElementById(id);

const STATES = {
  connecting: "Connecting…",
  away: "No connection. What you write is sent as soon as there is one.",
  open: "",
};

// The login of now: its client, and what shows it.
const session = {};
const account = new Account(enter, leave);
const start = new Start(open, session);
const people = new People(session);

function enter(user) {
  end();
  document.body.dataset.view = "rooms";
  for (const id of ["who", "logout"]) $(id).hidden = false;
  $("entrance").hidden = true;
  $("chat").hidden = false;
  account.fill(user);
  const client = new Client(user, token.get());
  session.client = client;
  session.list = new RoomList(client, $("rooms"), open);
  session.composer = new Composer(client);
  session.timeline = new Timeline(client, $("messages"), session.composer);
  const listen = (type, action) => client.addEventListener(type, ({ detail }) => action(detail));
  listen("rooms", renderRooms);
  listen("online", renderRooms);
  listen("room", renderRoom);
  listen("typing", renderStatus);
  listen("notify", notify);
  listen("refused", (text) => notice(text, true));
  listen("state", renderState);
  listen("out", (reason) => {
    if (account.renewing) return;
    leave();
    notice(reason, true);
  });
  renderState(client.state);
}

function end() {
  session.client?.close();
  session.composer?.close();
  session.timeline?.close();
  for (const name of Object.keys(session)) delete session[name];
  $("conversation").hidden = true;
  $("nothing").hidden = false;
}

function leave() {
  end();
  token.forget();
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  for (const form of document.forms) form.reset();
  for (const id of ["who", "logout", "chat", "connection"]) $(id).hidden = true;
  $("entrance").hidden = false;
  $("rooms").replaceChildren();
  document.body.dataset.view = "entrance";
  document.title = "Hubbub";
}

function open(roomId) {
  const room = session.client.rooms.get(roomId);
  if (!room) return;
  session.room = room;
  document.body.dataset.view = "room";
  $("conversation").hidden = false;
  $("nothing").hidden = true;
  session.composer.show(room);
  session.timeline.show(room);
  renderRooms();
  renderStatus();
  load(room);
  if (!matchMedia("(pointer: coarse)").matches) $("say").focus();
}

// Without a connection it is loaded when there is one.
function load(room) {
  if (session.client.state !== "open") return;
  attempt(async () => {
    await session.client.load(room);
    if (room === session.room) session.timeline.scrolled();
  });
}

function renderRooms() {
  const { client, list, room } = session;
  const unread = list.render(room);
  document.title = unread ? `(${unread}) Hubbub` : "Hubbub";
  if (room && !client.rooms.has(room.id)) {
    session.room = undefined;
    $("conversation").hidden = true;
    $("nothing").hidden = false;
    document.body.dataset.view = "rooms";
  } else renderStatus();
}

function renderRoom(roomId) {
  const { client, room, timeline } = session;
  if (!room || roomId !== room.id || !client.rooms.has(roomId)) return;
  if (!room.loaded && !room.early) load(room);
  timeline.render();
  if (timeline.atEnd && document.hasFocus() && document.body.dataset.view === "room") {
    client.markRead(room);
  }
}

function renderStatus() {
  const { client, room } = session;
  if (!room) return;
  $("room-title").textContent = room.title(client.me.id);
  const typing = typingText([...room.typing.values()].map(({ name }) => name));
  const other = room.kind === "direct" && room.other(client.me.id);
  const here = other && client.online.has(other.id) ? "online" : "";
  const count = room.participants.length;
  const size = room.isEveryone ? "everybody who has an account" : `${count} ${count === 1 ? "person" : "people"}`;
  $("room-status").textContent = typing || (other ? here : size);
}

function renderState(state) {
  $("connection").textContent = STATES[state];
  $("connection").hidden = !STATES[state];
  if (state !== "open" || !session.room) {
    session.timeline.room && session.timeline.render();
    return;
  }
  load(session.room);
}

function notify(roomId) {
  const { client, room } = session;
  const told = client.rooms.get(roomId);
  if (told && (told !== room || document.hidden)) notice(`New in ${told.title(client.me.id)}`);
}

$("account-open").addEventListener("click", () => attempt(() => account.show()));
$("start-open").addEventListener("click", () => attempt(() => start.show()));
$("people-open").addEventListener("click", () => attempt(() => people.show(session.room)));
$("back").addEventListener("click", () => {
  document.body.dataset.view = "rooms";
  session.room = undefined;
  renderRooms();
});
addEventListener("focus", () => session.room && renderRoom(session.room.id));

onLoggedOut(leave);
if (token.get()) attempt(async () => enter(await call("GET", "/api/auth/me")));
else leave();
