// Where one writes: new messages, answers and edits.

import { Attachments } from "./attachments.js";
import { attempt, notice } from "./notice.js";
import { excerpt } from "./words.js";

// The server stops saying that somebody types after some seconds, so it is told again.
const TYPING_EVERY = 3_000;
const MAX_LENGTH = 5_000;

const $ = (id) => document.getElementById(id);

export class Composer {
  constructor(client) {
    this.client = client;
    this.texts = new Map();
    this.input = $("say");
    this.input.maxLength = MAX_LENGTH;
    const listen = (target, type, action) =>
      target.addEventListener(type, action, { signal: this.ending.signal });
    this.ending = new AbortController();
    this.attachments = new Attachments(this.ending.signal);
    listen($("composer"), "submit", (event) => {
      event.preventDefault();
      this.send();
    });
    listen(this.input, "keydown", (event) => this.key(event));
    listen(this.input, "input", () => this.typing());
    listen($("cancel"), "click", () => this.cancel());
  }

  close() {
    this.ending.abort();
  }

  show(room) {
    if (this.room) this.texts.set(this.room.id, this.editing ? "" : this.input.value);
    this.cancel();
    this.room = room;
    this.typedAt = 0;
    this.input.value = this.texts.get(room.id) ?? "";
  }

  key(event) {
    if (event.isComposing) return;
    // On a phone the key makes a line, as people there expect.
    if (event.key === "Enter" && !event.shiftKey && !matchMedia("(pointer: coarse)").matches) {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape" && this.about) this.cancel();
    else if (event.key === "ArrowUp" && !this.input.value) this.editLast();
  }

  editLast() {
    const me = this.client.me.id;
    const last = this.room.messages.findLast((one) => one.senderId === me && !one.deletedAt);
    if (last) this.edit(last);
  }

  typing() {
    const now = Date.now();
    if (!this.input.value.trim()) this.stopTyping();
    else if (!this.editing && now - (this.typedAt ?? 0) > TYPING_EVERY) {
      this.typedAt = now;
      this.client.connection.tell("TYPING", { roomId: this.room.id });
    }
  }

  stopTyping() {
    if (this.typedAt) this.client.connection.tell("STOP_TYPING", { roomId: this.room.id });
    this.typedAt = 0;
  }

  replyTo(message) {
    this.cancel();
    this.turnTo(message, `Answer to ${message.senderUsername}: ${excerpt(message)}`);
  }

  edit(message) {
    this.cancel();
    this.editing = true;
    this.input.value = message.content;
    this.turnTo(message, "Edit your message");
  }

  turnTo(message, text) {
    this.about = message;
    $("about-text").textContent = text;
    $("about").hidden = false;
    this.input.focus();
  }

  cancel() {
    if (this.editing) this.input.value = "";
    this.about = undefined;
    this.editing = false;
    $("about").hidden = true;
  }

  async send() {
    const content = this.input.value.trim();
    if (!this.editing) {
      this.say(content);
      return;
    }
    const { about } = this;
    await attempt(async () => {
      await this.client.ask("EDIT_MESSAGE", { messageId: about.id, content });
      this.cancel();
    });
  }

  say(content) {
    if (this.attachments.arriving) {
      notice("Your files are still on their way");
      return;
    }
    const uploads = this.attachments.take();
    if (!content && !uploads.length) return;
    this.stopTyping();
    this.client.say(this.room, content, { replyTo: this.about?.id, uploads });
    this.input.value = "";
    this.cancel();
  }
}
