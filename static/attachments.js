// Files: those that go with the next message, and those that a message shows.

import { call, send } from "./api.js";
import { element, joined } from "./elements.js";
import { attempt, notice } from "./notice.js";

const MOST = 10;
const UNITS = ["bytes", "KB", "MB", "GB"];

const $ = (id) => document.getElementById(id);

function sizeText(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  return `${(bytes / 1024 ** step).toFixed(step && bytes / 1024 ** step < 10 ? 1 : 0)} ${UNITS[step]}`;
}

// What has been sent to the server, and goes with the next message.
export class Attachments {
  constructor(signal) {
    this.uploads = [];
    this.arriving = 0;
    this.list = $("attached");
    const listen = (target, type, action) => target.addEventListener(type, action, { signal });
    listen($("attach"), "click", () => $("files").click());
    listen($("files"), "change", ({ target }) => {
      this.add([...target.files]);
      target.value = "";
    });
    listen($("say"), "paste", (event) => {
      if (event.clipboardData.files.length) event.preventDefault();
      this.add([...event.clipboardData.files]);
    });
    const place = $("conversation");
    listen(place, "dragover", (event) => event.preventDefault());
    listen(place, "drop", (event) => {
      event.preventDefault();
      this.add([...event.dataTransfer.files]);
    });
    this.render();
  }

  async add(files) {
    if (!files.length) return;
    if (this.uploads.length + this.arriving + files.length > MOST) {
      notice(`A message shows up to ${MOST} files`, true);
      return;
    }
    const form = new FormData();
    for (const file of files) form.append("file", file);
    this.arriving += files.length;
    this.render();
    await attempt(async () => this.uploads.push(...(await send("/api/uploads", form)).uploads));
    this.arriving -= files.length;
    this.render();
  }

  // Hands out what is here, for a message that takes it along.
  take() {
    const { uploads } = this;
    this.uploads = [];
    this.render();
    return uploads;
  }

  remove(upload) {
    this.uploads = this.uploads.filter((one) => one !== upload);
    this.render();
    attempt(() => call("DELETE", `/api/uploads/${upload.id}`));
  }

  render() {
    const items = this.uploads.map((upload) => {
      const remove = element("button", "✕", "plain");
      remove.type = "button";
      remove.setAttribute("aria-label", `Remove ${upload.name}`);
      remove.addEventListener("click", () => this.remove(upload));
      return joined(element("li"), [element("span", upload.name), remove]);
    });
    if (this.arriving) items.push(element("li", "Uploading…", "faint"));
    this.list.replaceChildren(...items);
    this.list.hidden = !items.length;
  }
}

// A file as a message shows it: a picture, or a link with its name and size.
export function attachmentOf(upload) {
  const link = element("a", "", upload.kind === "image" ? "picture" : "file");
  link.href = upload.url;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  if (upload.kind !== "image") {
    link.append(`📎 ${upload.name} `, element("small", sizeText(upload.size)));
    return link;
  }
  const picture = element("img");
  picture.src = upload.thumbnails?.["1024"] ?? upload.url;
  picture.alt = upload.name;
  // So that there is room for it before it comes.
  [picture.width, picture.height] = [upload.width, upload.height];
  picture.loading = "lazy";
  return joined(link, [picture]);
}
