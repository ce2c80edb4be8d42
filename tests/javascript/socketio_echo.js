// Talks to tests/socketio_echo.py with the real client, and says as JSON what it has seen:
// node socketio_echo.js http://127.0.0.1:3000 polling,websocket
import { io } from "socket.io-client";

const [url, list] = process.argv.slice(2);
const transports = list.split(",");
const seen = { transports: [] };

const next = (emitter, event) =>
  new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));

const main = io(url, { transports, auth: { token: "äß" } });
main.on("connect_error", (error) => fail(error));
main.io.on("error", (error) => fail(error));
main.io.on("open", () => seen.transports.push(main.io.engine.transport.name));

// Buffers of both kinds of client become lists of numbers in JSON.
function plain(value) {
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  if (ArrayBuffer.isView(value)) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

const heard = next(main, "auth");
await next(main, "connect");
// Said at once: it must not be lost, whatever is still going on on the other side.
const first = next(main, "message-back");
main.emit("message", "at once");
seen.auth = (await heard)[0];
seen.first = await first;

if (transports.length > 1 && main.io.engine.transport.name !== "websocket") {
  await next(main.io.engine, "upgrade");
}
seen.transports.push(main.io.engine.transport.name);

let back = next(main, "message-back");
main.emit("message", 1, "2", { 3: [true, null, "\u001e"] }, "🚂");
seen.text = await back;
back = next(main, "message-back");
main.emit("message", Buffer.from([1, 2, 3]), { deep: [new Uint8Array([4, 5])] });
seen.binary = plain(await back);
seen.answer = await main.timeout(5000).emitWithAck("message-with-ack", { ok: 1 });
seen.binaryAnswer = plain(
  await main.timeout(5000).emitWithAck("message-with-ack", Buffer.from([6])),
);

// Many at once keep their order, also where they share a payload.
const numbers = [];
const all = new Promise((resolve) => {
  main.on("message-back", (number) => {
    numbers.push(number);
    if (numbers.length === 300) resolve();
  });
});
for (let number = 0; number < 300; number += 1) main.emit("message", number);
await all;
main.off("message-back");
seen.inOrder = numbers.every((number, at) => number === at);
back = next(main, "message-back");
main.emit("message", "x".repeat(200_000));
seen.large = (await back)[0].length;

// Another namespace on the same connection, and one that does not exist.
const custom = main.io.socket("/custom", { auth: { who: "custom" } });
seen.customAuth = (await next(custom, "auth"))[0];
back = next(custom, "message-back");
custom.emit("message", "in custom");
seen.custom = await back;
const unknown = main.io.socket("/unknown");
seen.unknown = (await next(unknown, "connect_error"))[0].message;

// Leaving one namespace leaves the other alone; heartbeats keep it.
custom.disconnect();
await new Promise((resolve) => setTimeout(resolve, 700));
seen.stillThere = await main.timeout(5000).emitWithAck("message-with-ack", "there");
const gone = next(main, "disconnect");
main.disconnect();
seen.reason = (await gone)[0];
console.log(JSON.stringify(seen));
process.exit(0);
