// The list of one's rooms, the latest first.

import { element, joined } from "./elements.js";
import { excerpt, shortTime } from "./words.js";

const MOST = 99;

export class RoomList {
  constructor(client, list, open) {
    this.client = client;
    this.list = list;
    this.open = open;
    this.items = new Map();
  }

  render(current) {
    const rooms = this.client.list();
    const items = new Map();
    for (const room of rooms) {
      const item = this.items.get(room.id) ?? this.made(room);
      this.fill(item, room, room === current);
      items.set(room.id, item);
    }
    this.items = items;
    const focused = document.activeElement;
    const wanted = [...items.values()].map(({ item }) => item);
    // Only where the order has changed: a move would take the focus away.
    if (wanted.some((node, index) => this.list.children[index] !== node)) {
      this.list.replaceChildren(...wanted);
      if (this.list.contains(focused)) focused.focus();
    }
    for (const extra of [...this.list.children].slice(wanted.length)) extra.remove();
    return rooms.reduce((sum, room) => sum + (room.muted ? 0 : room.unread), 0);
  }

  made(room) {
    const button = element("button", "", "room");
    button.type = "button";
    button.addEventListener("click", () => this.open(room.id));
    return { item: joined(element("li"), [button]), button };
  }

  fill({ button }, room, isCurrent) {
    const me = this.client.me.id;
    const title = element("span", room.title(me), "title");
    const isHere = room.kind === "direct" && this.client.online.has(room.other(me)?.id);
    if (isHere) title.append(joined(element("span", "", "dot"), [element("span", ", online", "aside")]));
    const last = room.lastMessage;
    const time = element("span", last ? shortTime(last.createdAt) : "", "faint");
    const from = last && room.kind !== "direct" && last.senderId !== me ? `${last.senderUsername}: ` : "";
    const line = element("span", last ? from + excerpt(last) : "Nothing was said yet", "last");
    button.replaceChildren(title, time, line);
    if (room.unread) {
      const count = room.unread > MOST ? `${MOST}+` : String(room.unread);
      const badge = element("span", room.mentions ? `@ ${count}` : count, "badge");
      badge.append(element("span", " unread", "aside"));
      badge.classList.toggle("muted", room.muted);
      button.append(badge);
    }
    button.setAttribute("aria-current", isCurrent);
  }
}
