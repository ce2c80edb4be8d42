// The native socket: it logs in, asks and hears, and comes back by itself when it is cut.

import { ApiError } from "./api.js";

// Milliseconds. A server that starts again is back in a second; one that is away for long is not
// asked by all of its clients at once.
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
const TOO_MANY_PAUSE = 30_000;
const PATIENCE = 20_000;

// What the close codes say about coming back; see docs/websocket.md.
const LOGGED_OUT = [4002, 4003];
const TOO_MANY = 4004;

export class Disconnected extends Error {
  constructor() {
    super("there is no connection at the moment");
  }
}

export class Connection {
  // `handlers` are `seen()` for the `rooms` of AUTH, `hear(type, payload)`, `state(name)` with
  // "connecting", "open" or "away", and `loggedOut(reason)`.
  constructor(token, handlers) {
    this.token = token;
    this.handlers = handlers;
    this.asked = new Map();
    this.number = 0;
    this.failures = 0;
    this.ready = false;
    this.wake = () => this.timer && this.connect();
    addEventListener("online", this.wake);
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.handlers.state("connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(`${scheme}//${location.host}/ws`);
    this.socket.addEventListener("open", () => {
      this.post("AUTH", { token: this.token, rooms: this.handlers.seen() });
    });
    this.socket.addEventListener("message", ({ data }) => this.take(JSON.parse(data)));
    this.socket.addEventListener("close", (event) => this.lost(event));
  }

  close() {
    removeEventListener("online", this.wake);
    clearTimeout(this.timer);
    this.closed = true;
    this.socket.close();
    this.refuseAll();
  }

  // Asks, and gives the payload of the ACK, or throws what the ERROR says.
  ask(type, payload) {
    return new Promise((resolve, reject) => {
      if (!this.ready) {
        reject(new Disconnected());
        return;
      }
      const id = ++this.number;
      this.asked.set(id, { resolve, reject });
      this.post(type, payload, id);
      // A connection may be gone without anybody knowing; then nothing comes back.
      setTimeout(() => this.asked.has(id) && this.socket.close(), PATIENCE);
    });
  }

  // Says what needs no answer, and matters only now.
  tell(type, payload) {
    if (this.ready) this.post(type, payload);
  }

  post(type, payload, id) {
    this.socket.send(JSON.stringify({ type, id, payload }));
  }

  take({ type, id, payload }) {
    const question = this.asked.get(id);
    if (question) {
      this.asked.delete(id);
      if (type === "ACK") question.resolve(payload);
      else question.reject(new ApiError(0, payload));
      return;
    }
    if (type === "AUTH_ERROR") {
      this.reason = payload.message;
      return;
    }
    if (type === "AUTH_SUCCESS") {
      this.ready = true;
      this.failures = 0;
    }
    this.handlers.hear(type, payload);
    if (type === "AUTH_SUCCESS") this.handlers.state("open");
  }

  lost({ code, reason }) {
    this.ready = false;
    if (this.closed) return;
    if (LOGGED_OUT.includes(code)) {
      this.close();
      this.handlers.loggedOut(this.reason ?? (reason || "this login has ended"));
      return;
    }
    this.refuseAll();
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.failures++);
    const wait = code === TOO_MANY ? TOO_MANY_PAUSE : pause * (0.5 + Math.random() / 2);
    this.timer = setTimeout(() => this.connect(), wait);
    this.handlers.state("away");
  }

  refuseAll() {
    const questions = [...this.asked.values()];
    this.asked.clear();
    for (const { reject } of questions) reject(new Disconnected());
  }
}
