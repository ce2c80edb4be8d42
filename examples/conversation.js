// A conversation over Socket.IO with `npm install --no-save socket.io-client` and nothing else.
//
//     node examples/conversation.js [http://127.0.0.1:5000]
//
// Two people talk one to one; one of them loses the connection, and misses nothing.
const { io } = require("socket.io-client");

const server = process.argv[2] ?? "http://127.0.0.1:5000";

// Make an account, and return it with its token.
async function register(username) {
  const answer = await fetch(`${server}/api/auth/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username, password: "correct horse 42" }),
  });
  const account = await answer.json();
  if (!answer.ok) throw new Error(account.message);
  return account;
}

// Somebody's socket. `rooms` names the greatest `rev` that was seen of each room: what came after
// is told right behind the connection, so listen at once.
function connect({ token }, rooms = {}) {
  const socket = io(server, { auth: { token, dialect: "P", rooms }, forceNew: true });
  return socket.on("connect_error", fail);
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

// Wait for an event.
function heard(socket, event) {
  return new Promise((resolve) => socket.once(event, resolve));
}

// Say something, and wait until the server says that it is done: a message is stored then.
async function ask(socket, event, payload) {
  const answer = await socket.timeout(5000).emitWithAck(event, payload);
  if (!answer.ok) throw new Error(answer.error);
  return answer;
}

async function main() {
  const suffix = Math.random().toString(36).slice(2, 10);
  const [ann, bob] = await Promise.all([register(`ann-${suffix}`), register(`bob-${suffix}`)]);
  const anns = connect(ann);
  let bobs = connect(bob);

  const hears = heard(bobs, "private_message");
  await ask(anns, "private_message", { receiverId: bob.user.id, message: "Tea?" });
  const tea = await hears;
  console.log(`bob heard: ${tea.message}`);

  const writes = heard(anns, "typing");
  await ask(bobs, "typing", { receiverId: ann.user.id, isTyping: true });
  console.log(`${(await writes).username.startsWith("bob") ? "bob" : "somebody"} is writing`);

  const reads = heard(anns, "message_read");
  await ask(bobs, "message_read", { messageId: tea.id });
  console.log(`read: ${(await reads).messageId === tea.id}`);

  // Bob's train enters a tunnel; what he has seen of the room is all he must remember.
  bobs.disconnect();
  for (const message of ["Coffee?", "Or cocoa?"]) {
    await ask(anns, "private_message", { receiverId: bob.user.id, message });
  }
  bobs = connect(bob, { [tea.roomId]: tea.rev });
  const missed = [];
  bobs.on("private_message", ({ message }) => missed.push(message));
  const { complete } = await heard(bobs, "synced");
  console.log(`bob missed: ${missed.join(" ")}`);
  console.log(`all of it: ${complete}`);

  try {
    await ask(anns, "private_message", { receiverId: bob.user.id, message: " " });
  } catch (refusal) {
    console.log(`refused: ${refusal.message}`);
  }
  for (const socket of [anns, bobs]) socket.disconnect();
}

main().catch(fail);
