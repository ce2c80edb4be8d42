// Talks to tests/engineio_echo.py with the real client, and says as JSON what it has seen:
// node engineio_echo.js http://127.0.0.1:3000 polling,websocket
import { Socket } from "engine.io-client";

const [url, list] = process.argv.slice(2);
const transports = list.split(",");
const seen = {};

const next = (emitter, event) =>
  new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));

const socket = new Socket(url, { transports });
socket.binaryType = "nodebuffer";
socket.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
await next(socket, "open");
seen.upgrades = socket.transport.name === "polling" && transports.length > 1;
const first = next(socket, "message");
socket.send("at once");
seen.first = (await first)[0];
if (transports.length > 1 && socket.transport.name !== "websocket") await next(socket, "upgrade");
seen.transport = socket.transport.name;

let back = next(socket, "message");
socket.send("hello, 🚂");
seen.text = (await back)[0];
back = next(socket, "message");
socket.send(Buffer.from([0, 1, 255]));
seen.binary = [...(await back)[0]];

// Through several heartbeats.
await new Promise((resolve) => setTimeout(resolve, 900));
back = next(socket, "message");
socket.send("still there");
seen.later = (await back)[0];
const gone = next(socket, "close");
socket.close();
seen.reason = (await gone)[0];
console.log(JSON.stringify(seen));
process.exit(0);
