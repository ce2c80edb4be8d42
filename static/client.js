// Everything that the page knows of the chat, kept up to date by the socket; it shows nothing.
//
// Whoever shows something listens to "rooms" (the list has changed), "room" (something in one has),
// "online", "notify", "state" and "out".

import { call } from "./api.js";
import { Connection, Disconnected } from "./connection.js";
import { Room } from "./room.js";

const PAGE = 50;
const MAX_RESUMED = 100;
const MAX_RECEIPTS = 100;

// Milliseconds that what comes together takes.
const TOGETHER = 300;

// Not `randomUUID`, which pages without TLS do not have.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Client extends EventTarget {
  constructor(me, token) {
    super();
    this.me = me;
    this.rooms = new Map();
    this.online = new Set();
    this.state = "connecting";
    this.connection = new Connection(token, {
      seen: () => this.seen(),
      hear: (type, payload) => HEARD[type]?.call(this, payload),
      state: (state) => this.changeState(state),
      loggedOut: (reason) => this.emit("out", reason),
    });
  }

  close() {
    this.connection.close();
  }

  ask(type, payload) {
    return this.connection.ask(type, payload);
  }

  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  changeState(state) {
    this.state = state;
    this.emit("state", state);
    if (state !== "open") return;
    // Sent again under the same client ids, so that what had arrived is not said twice.
    for (const room of this.rooms.values()) {
      for (const draft of room.drafts) if (!draft.error) this.deliver(room, draft);
    }
  }

  // How far this page has heard of the rooms of which it shows messages.
  seen() {
    const shown = [...this.rooms.values()].filter((room) => room.loaded);
    return Object.fromEntries(shown.slice(-MAX_RESUMED).map((room) => [room.id, room.rev]));
  }

  list() {
    const rooms = [...this.rooms.values()];
    return rooms.sort((one, other) => (one.activeAt < other.activeAt ? 1 : -1));
  }

  take(view, isEveryone = false) {
    const room = this.rooms.get(view.id) ?? new Room(view);
    room.update(view);
    room.isEveryone ||= isEveryone;
    this.rooms.set(view.id, room);
    return room;
  }

  drop(roomId) {
    this.rooms.delete(roomId);
    this.emit("rooms");
    this.emit("room", roomId);
  }

  hearMessage(message) {
    const room = this.rooms.get(message.roomId);
    if (!room) return;
    room.hear(message);
    room.stopTyping(message.senderId);
    if (message.senderId === this.me.id) room.read = Math.max(room.read, message.seq);
    else this.noteDelivered(room);
    this.emit("rooms");
    this.emit("room", room.id);
  }

  // Shows a room: its newest page, and how far the others have read.
  async load(room) {
    if (!room.loaded) {
      room.early = [];
      room.prepend(await this.ask("HISTORY", { roomId: room.id, limit: PAGE }));
    }
    this.emit("room", room.id);
    if (room.isEveryone) return;
    room.people = await call("GET", `/api/rooms/${room.id}/members?limit=100`);
    for (const person of room.people) room.mark(person.id, person);
    this.emit("room", room.id);
  }

  async loadOlder(room) {
    const before = room.messages[0]?.seq;
    room.prepend(await this.ask("HISTORY", { roomId: room.id, before, limit: PAGE }));
    this.emit("room", room.id);
  }

  say(room, content, more) {
    const draft = { clientId: newId(), content, createdAt: new Date().toISOString(), ...more };
    room.drafts.push(draft);
    this.emit("room", room.id);
    this.deliver(room, draft);
  }

  async deliver(room, draft) {
    const { clientId, content, replyTo } = draft;
    const attachments = draft.uploads.map(({ id }) => id);
    draft.error = undefined;
    try {
      const said = { roomId: room.id, clientId, content, replyTo, attachments };
      room.put((await this.ask("SEND_MESSAGE", said)).message);
    } catch (error) {
      if (error instanceof Disconnected) return; // it is sent again when there is a connection
      if (error.retryAfter) {
        setTimeout(() => this.deliver(room, draft), error.retryAfter * 1000);
        return;
      }
      draft.error = error.message;
    }
    this.emit("rooms");
    this.emit("room", room.id);
  }

  again(room, draft) {
    this.deliver(room, draft);
    this.emit("room", room.id);
  }

  discard(room, draft) {
    room.drafts = room.drafts.filter((one) => one !== draft);
    this.emit("room", room.id);
  }

  // Tells that what was said has come here: once for all that comes at once, and not in large rooms,
  // which keep no such marks.
  noteDelivered(room) {
    if (room.isEveryone || room.participants.length > MAX_RECEIPTS || room.telling) return;
    room.telling = setTimeout(() => {
      room.telling = undefined;
      if (room.seq <= room.delivered) return;
      room.delivered = room.seq;
      this.connection.tell("DELIVERED", { roomId: room.id, seq: room.seq });
    }, TOGETHER);
  }

  // Reading is noted at once here, and there as soon as it can be.
  markRead(room) {
    if (!room.unread) return;
    room.read = room.delivered = room.seq;
    room.mentions = 0;
    this.connection.tell("READ", { roomId: room.id, seq: room.seq });
    this.emit("rooms");
  }
}

// What the server tells, by its type; `this` is the client.
const HEARD = {
  AUTH_SUCCESS({ user, rooms, everyone, online }) {
    this.me = user;
    for (const view of rooms) this.noteDelivered(this.take(view));
    this.take(everyone, true);
    this.online = new Set(online);
    this.emit("rooms");
    this.emit("online");
  },
  MESSAGE(message) {
    this.hearMessage(message);
  },
  MESSAGE_CHANGED(message) {
    this.hearMessage(message);
  },
  SYNCED({ roomId, rev, complete }) {
    const room = this.rooms.get(roomId);
    if (!room) return;
    if (complete) {
      room.rev = Math.max(room.rev, rev);
      return;
    }
    room.reset(rev);
    this.emit("room", roomId);
  },
  ERROR({ code, message, roomId }) {
    if (roomId && code === "room_not_found") this.drop(roomId);
    else this.emit("refused", message);
  },
  RECEIPT({ roomId, userId, delivered, read }) {
    const room = this.rooms.get(roomId);
    if (!room) return;
    room.mark(userId, { delivered, read });
    if (userId === this.me.id && read > room.read) {
      room.read = read;
      this.emit("rooms");
    }
    this.emit("room", roomId);
  },
  TYPING({ roomId, userId, username }) {
    this.rooms.get(roomId)?.startTyping(userId, username, () => this.emit("typing", roomId));
    this.emit("typing", roomId);
  },
  STOP_TYPING({ roomId, userId }) {
    this.rooms.get(roomId)?.stopTyping(userId);
    this.emit("typing", roomId);
  },
  ONLINE_USERS({ userIds }) {
    this.online = new Set(userIds);
    this.emit("online");
  },
  USER_ONLINE({ userId }) {
    this.online.add(userId);
    this.emit("online");
  },
  USER_OFFLINE({ userId }) {
    this.online.delete(userId);
    this.emit("online");
  },
  ROOM_CREATED(view) {
    this.take(view);
    this.emit("rooms");
  },
  ROOM_UPDATED(view) {
    const room = this.rooms.get(view.id);
    if (!room) return;
    room.update(view);
    room.people = undefined;
    this.emit("rooms");
    this.emit("room", view.id);
  },
  ROOM_DELETED({ roomId }) {
    this.drop(roomId);
  },
  ROOM_MUTED({ roomId, muted }) {
    const room = this.rooms.get(roomId);
    if (room) room.muted = muted;
    this.emit("rooms");
  },
  NOTIFY({ kind, roomId }) {
    const room = this.rooms.get(roomId);
    if (room && kind === "mention") room.mentions += 1;
    this.emit("notify", roomId);
  },
};
