// A native socket to try: what one says, and what one hears.

import { token } from "./api.js";
import { element } from "./elements.js";

const MAX_LINES = 200;

export function socketConsole() {
  const box = element("details", "", "call");
  const summary = element("summary");
  summary.append(element("span", "TRY", "verb"), element("span", "a socket", "path"));
  summary.append(element("span", "Say frames and hear what comes.", "what"));
  const inside = element("div", "", "inside");
  const log = element("pre", "", "log");
  log.tabIndex = 0;
  const frame = element("textarea");
  frame.value = '{"type": "PRESENCE", "id": 1}';
  frame.setAttribute("aria-label", "A frame");
  frame.spellcheck = false;
  const connect = element("button", "Connect");
  const send = element("button", "Send", "quiet");
  send.disabled = true;
  let socket;

  function note(sign, text) {
    log.append(`${sign} ${text}\n`);
    while (log.childNodes.length > MAX_LINES) log.firstChild.remove();
    log.scrollTop = log.scrollHeight;
  }

  connect.addEventListener("click", () => {
    if (socket) {
      socket.close();
      return;
    }
    if (!token.get()) {
      note("!", "log in first");
      return;
    }
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}/ws`, ["hubbub", `bearer.${token.get()}`]);
    connect.textContent = "Disconnect";
    socket.addEventListener("open", () => {
      send.disabled = false;
      note("·", "connected");
    });
    socket.addEventListener("message", (event) => note("←", event.data));
    socket.addEventListener("close", (event) => {
      note("·", `closed: ${event.code} ${event.reason}`);
      [socket, send.disabled, connect.textContent] = [undefined, true, "Connect"];
    });
  });
  send.addEventListener("click", () => {
    note("→", frame.value);
    socket?.send(frame.value);
  });
  const row = element("div", "", "row");
  row.append(connect, send);
  inside.append(frame, row, log);
  box.append(summary, inside);
  return box;
}
