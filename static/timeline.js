// The messages of the room that is open: the newest at the bottom, older ones as one scrolls up.

import { attempt } from "./notice.js";
import { element } from "./elements.js";
import { draftItem, messageItem } from "./message.js";
import { dayName, dayOf } from "./words.js";

// Pixels from an end of the list that count as being there.
const NEAR = 80;

// Messages of one person within so many milliseconds stand under one name.
const TOGETHER = 5 * 60_000;

export class Timeline {
  constructor(client, list, composer) {
    this.client = client;
    this.list = list;
    this.composer = composer;
    this.items = new Map();
    this.onScroll = () => this.scrolled();
    list.addEventListener("scroll", this.onScroll);
  }

  get me() {
    return this.client.me.id;
  }

  get isOpen() {
    return this.client.state === "open";
  }

  get isInCharge() {
    const mine = this.room.people?.find(({ id }) => id === this.me);
    return mine?.role === "owner" || mine?.role === "admin";
  }

  close() {
    this.list.removeEventListener("scroll", this.onScroll);
    this.list.replaceChildren();
  }

  show(room) {
    this.room = room;
    this.items.clear();
    this.atEnd = true;
    this.render();
  }

  // Puts the list in order, and leaves alone what has not changed: a menu stays open in it.
  render() {
    const { room, list } = this;
    const height = list.scrollHeight;
    const first = list.querySelector("[data-id]")?.dataset.id;
    const items = new Map();
    for (const [key, stamp, make] of this.rows()) {
      const kept = this.items.get(key);
      items.set(key, kept?.stamp === stamp ? kept : { stamp, node: make() });
    }
    this.items = items;
    this.place([...items.values()].map(({ node }) => node));
    list.setAttribute("aria-busy", !room.loaded);
    if (this.atEnd) list.scrollTop = list.scrollHeight;
    else if (list.querySelector("[data-id]")?.dataset.id !== first) {
      list.scrollTop += list.scrollHeight - height;
    }
  }

  place(nodes) {
    const wanted = new Set(nodes);
    for (const node of [...this.list.children]) if (!wanted.has(node)) node.remove();
    nodes.forEach((node, index) => {
      if (this.list.children[index] !== node) this.list.insertBefore(node, this.list.children[index] ?? null);
    });
  }

  *rows() {
    const { room } = this;
    if (!room.loaded) yield ["loading", "", () => element("li", "Loading…", "hint")];
    else if (room.hasMore) yield ["more", "", () => element("li", "Older messages…", "hint")];
    else if (!room.messages.length && !room.drafts.length) {
      yield ["empty", "", () => element("li", "Nothing was said here yet. Say hello!", "hint")];
    }
    const mine = room.messages.findLast(({ senderId }) => senderId === this.me);
    let before;
    for (const message of room.messages) {
      const day = dayName(message.createdAt);
      const newDay = !before || dayOf(before.createdAt) !== dayOf(message.createdAt);
      if (newDay) yield [`day ${message.seq}`, day, () => element("li", day, "day")];
      const first =
        newDay ||
        before.senderId !== message.senderId ||
        new Date(message.createdAt) - new Date(before.createdAt) > TOGETHER;
      const receipt = message === mine ? this.receipt(message) : "";
      const answered = message.replyTo && room.find(message.replyTo)?.rev;
      const stamp = [message.rev, first, receipt, answered, this.isInCharge].join();
      yield [message.id, stamp, () => messageItem(this, message, { first, receipt })];
      before = message;
    }
    for (const draft of room.drafts) {
      const stamp = [draft.error, this.isOpen].join();
      yield [draft.clientId, stamp, () => draftItem(this, draft)];
    }
  }

  receipt(message) {
    const { room } = this;
    if (room.isEveryone || message.deletedAt) return "";
    const { read, delivered } = room.reached(message.seq, this.me);
    if (read) return room.kind === "direct" ? "Read" : `Read by ${read}`;
    return delivered ? "Delivered" : "Sent";
  }

  scrolled() {
    const { list } = this;
    this.atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
    if (this.atEnd && document.hasFocus()) this.client.markRead(this.room);
    if (list.scrollTop < NEAR) this.older();
  }

  older() {
    const { room } = this;
    if (!room.loaded || !room.hasMore || this.loading || !this.isOpen) return;
    this.loading = attempt(() => this.client.loadOlder(room)).finally(() => {
      this.loading = undefined;
      // A list that is not full cannot be scrolled.
      if (room === this.room && this.list.scrollHeight <= this.list.clientHeight) this.older();
    });
  }

  goTo(id) {
    const item = this.items.get(id)?.node;
    item?.scrollIntoView({ block: "center" });
    item?.classList.add("found");
    setTimeout(() => item?.classList.remove("found"), 1500);
  }

  again(draft) {
    this.client.again(this.room, draft);
  }

  discard(draft) {
    this.client.discard(this.room, draft);
  }

  react(message, emoji, on) {
    attempt(() => this.client.ask("REACT", { messageId: message.id, emoji, on }));
  }

  remove(message) {
    attempt(() => this.client.ask("DELETE_MESSAGE", { messageId: message.id }));
  }

  reply(message) {
    this.composer.replyTo(message);
  }

  edit(message) {
    this.composer.edit(message);
  }
}
