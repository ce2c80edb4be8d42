// Clients of Socket.IO that do what they are told, a JSON line at a time, and tell what they hear.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const sockets = new Map();

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const deeds = {
  connect({ who, url, options, first }) {
    const socket = io(url, { forceNew: true, reconnection: false, ...options });
    sockets.set(who, socket);
    socket.on("connect", () => say({ who, state: "connect", args: [socket.id] }));
    socket.on("disconnect", (reason) => say({ who, state: "disconnect", args: [reason] }));
    socket.on("connect_error", ({ message, data }) => {
      say({ who, event: "connect_error", args: [{ message, data }] });
    });
    socket.onAny((event, ...args) => say({ who, event, args }));
    // Said before it is connected: it goes out with the very first packets.
    for (const [event, ...args] of first) socket.emit(event, ...args);
  },
  emit({ who, event, args, ask }) {
    const answered = ask === null ? [] : [(...answer) => say({ who, ask, args: answer })];
    sockets.get(who).emit(event, ...args, ...answered);
  },
  transport({ who, ask, upgrades }) {
    const { engine } = sockets.get(who).io;
    const tell = () => say({ who, ask, args: [engine.transport.name] });
    if (upgrades && engine.transport.name === "polling") engine.once("upgrade", tell);
    else tell();
  },
  // What a page goes through whose network is gone for a moment.
  drop({ who }) {
    sockets.get(who).io.engine.close();
  },
  reconnect({ who, auth }) {
    const socket = sockets.get(who);
    if (auth !== null) socket.auth = auth;
    socket.connect();
  },
  disconnect({ who }) {
    sockets.get(who)?.disconnect();
    sockets.delete(who);
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const deed = JSON.parse(line);
    deeds[deed.do](deed);
  })
  .on("close", () => process.exit(0));
