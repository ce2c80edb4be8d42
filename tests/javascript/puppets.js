// Clients of Socket.IO that do what they are told, a JSON line at a time, and tell what they hear:
// node puppets.js http://127.0.0.1:5000 polling,websocket
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url, list] = process.argv.slice(2);
const transports = list.split(",");
const sockets = new Map();

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const deeds = {
  connect({ who, options }) {
    const socket = io(url, { transports, forceNew: true, reconnection: false, ...options });
    sockets.set(who, socket);
    socket.on("connect", () => say({ who, event: "connect", args: [socket.id] }));
    socket.on("connect_error", (error) => {
      say({ who, event: "connect_error", args: [error.message, error.data ?? null] });
    });
    socket.on("disconnect", (reason) => say({ who, event: "disconnect", args: [reason] }));
    socket.onAny((event, ...args) => say({ who, event, args }));
    // Said before it is connected: it goes out with the very first packets.
    for (const [event, ...args] of options?.first ?? []) socket.emit(event, ...args);
  },
  emit({ who, event, args, ask }) {
    const answered = ask === null ? [] : [(...answer) => say({ who, ask, args: answer })];
    sockets.get(who).emit(event, ...args, ...answered);
  },
  transport({ who, ask }) {
    const { engine } = sockets.get(who).io;
    const tell = () => say({ who, ask, args: [engine.transport.name] });
    if (transports.length > 1 && engine.transport.name === "polling") engine.once("upgrade", tell);
    else tell();
  },
  disconnect({ who }) {
    sockets.get(who).disconnect();
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const deed = JSON.parse(line);
    deeds[deed.do](deed);
  })
  .on("close", () => process.exit(0));
