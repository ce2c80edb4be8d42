// What the page knows of one room: how far it has come, a stretch of its messages up to the newest,
// and what is on its way there.

const TYPING_SECONDS = 15;

export class Room {
  constructor(view) {
    this.messages = [];
    this.drafts = [];
    this.typing = new Map();
    this.marks = new Map();
    this.loaded = false;
    this.hasMore = true;
    this.rev = view.rev;
    this.update(view);
  }

  // Takes what a view says. The `rev` is left alone: it says how far this page has *heard*, and
  // moves by what is told.
  update({ rev, ...view }) {
    const last = this.lastMessage;
    Object.assign(this, view);
    if (last && (!this.lastMessage || this.lastMessage.seq < last.seq)) this.lastMessage = last;
    if (!this.loaded) this.rev = Math.max(this.rev, rev ?? 0);
  }

  get unread() {
    return Math.max(0, this.seq - this.read);
  }

  set unread(_) {
    // It follows from the two others.
  }

  get activeAt() {
    return this.lastMessage?.createdAt ?? this.createdAt;
  }

  title(me) {
    if (this.isEveryone) return "Everyone";
    if (this.kind !== "direct") return this.name ?? "A room";
    return this.other(me)?.displayName ?? "Yourself";
  }

  other(me) {
    return this.participants.find(({ id }) => id !== me);
  }

  // A message as it stands now, heard from the server.
  hear(message) {
    this.rev = Math.max(this.rev, message.rev);
    this.seq = Math.max(this.seq, message.seq);
    this.put(message);
  }

  put(message) {
    if (message.clientId) {
      this.drafts = this.drafts.filter(({ clientId }) => clientId !== message.clientId);
    }
    this.early?.push(message);
    const last = this.lastMessage;
    if (!last || message.seq > last.seq || (message.id === last.id && message.rev >= last.rev)) {
      this.lastMessage = message;
    }
    if (!this.loaded || (this.hasMore && message.seq < (this.messages[0]?.seq ?? 0))) return;
    let place = this.messages.length;
    while (place && this.messages[place - 1].seq >= message.seq) place--;
    const there = this.messages[place];
    if (there?.seq !== message.seq) this.messages.splice(place, 0, message);
    else if (there.rev <= message.rev) this.messages[place] = message;
  }

  // A page of the history, which ends where the stretch begins.
  prepend({ messages, hasMore }) {
    const known = new Set(this.messages.map(({ seq }) => seq));
    this.messages = [...messages.filter(({ seq }) => !known.has(seq)), ...this.messages];
    this.hasMore = hasMore;
    this.loaded = true;
    // What was heard while the page was on its way may not be in it.
    const early = this.early ?? [];
    this.early = undefined;
    for (const message of early) this.put(message);
  }

  // More was missed than was told: the stretch has a hole, so it begins anew.
  reset(rev) {
    this.messages = [];
    this.loaded = false;
    this.hasMore = true;
    this.rev = rev;
  }

  find(id) {
    return this.messages.find((message) => message.id === id);
  }

  mark(user, { delivered, read }) {
    const marks = this.marks.get(user) ?? { delivered: 0, read: 0 };
    marks.delivered = Math.max(marks.delivered, delivered);
    marks.read = Math.max(marks.read, read);
    this.marks.set(user, marks);
  }

  // How many of the others have read as far as a message, and how many have received it.
  reached(seq, me) {
    const others = [...this.marks].filter(([user]) => user !== me).map(([, marks]) => marks);
    return {
      read: others.filter((marks) => marks.read >= seq).length,
      delivered: others.filter((marks) => Math.max(marks.delivered, marks.read) >= seq).length,
    };
  }

  startTyping(user, name, changed) {
    clearTimeout(this.typing.get(user)?.timer);
    const stop = () => {
      this.typing.delete(user);
      changed();
    };
    this.typing.set(user, { name, timer: setTimeout(stop, TYPING_SECONDS * 1000) });
  }

  stopTyping(user) {
    clearTimeout(this.typing.get(user)?.timer);
    this.typing.delete(user);
  }
}
