// Rooms and their history on Express and Mongoose, as such servers are usually written and well
// kept: what Hubbub's are measured beside. It reads plain objects (`lean`) by indexes that fit, and
// every message carries its sender's name, which spares a second query (and would be wrong once
// somebody is called something else).
import express from 'express';
import mongoose from 'mongoose';

import { Refusal, authenticate, refuse } from './common.js';

const { PORT = '5000', MONGODB_URI } = process.env;
const MOST = 100;

const { Schema } = mongoose;
const { ObjectId } = Schema.Types;

const User = mongoose.model('User', new Schema({ username: { type: String, unique: true } }));

const roomSchema = new Schema({
  kind: { type: String, enum: ['direct', 'private', 'public'], required: true },
  name: String,
  description: { type: String, default: '' },
  participants: [ObjectId],
  seq: { type: Number, default: 0 },
  rev: { type: Number, default: 0 },
  lastMessage: ObjectId,
  active: { type: Date, required: true },
  createdAt: { type: Date, required: true },
});
const Room = mongoose.model('Room', roomSchema);

const membershipSchema = new Schema({
  room: { type: ObjectId, required: true },
  user: { type: ObjectId, required: true },
  delivered: { type: Number, default: 0 },
  read: { type: Number, default: 0 },
  mentions: { type: Number, default: 0 },
  muted: { type: Boolean, default: false },
});
membershipSchema.index({ room: 1, user: 1 }, { unique: true });
membershipSchema.index({ user: 1 });
const Membership = mongoose.model('Membership', membershipSchema);

const messageSchema = new Schema({
  room: { type: ObjectId, required: true },
  seq: { type: Number, required: true },
  rev: { type: Number, required: true },
  sender: { type: ObjectId, required: true },
  senderUsername: { type: String, required: true },
  content: { type: String, required: true },
  attachments: [ObjectId],
  replyTo: ObjectId,
  mentions: [ObjectId],
  reactions: [{ _id: false, emoji: String, users: [ObjectId] }],
  pinned: { type: Boolean, default: false },
  createdAt: { type: Date, required: true },
  editedAt: Date,
  deletedAt: Date,
});
messageSchema.index({ room: 1, seq: 1 }, { unique: true });
const Message = mongoose.model('Message', messageSchema);

const shownMessage = (message) => ({
  id: message._id,
  roomId: message.room,
  seq: message.seq,
  rev: message.rev,
  senderId: message.sender,
  senderUsername: message.senderUsername,
  content: message.content,
  attachments: message.attachments,
  imageUrl: null,
  replyTo: message.replyTo ?? null,
  mentions: message.mentions,
  reactions: Object.fromEntries(message.reactions.map(({ emoji, users }) => [emoji, users])),
  pinned: message.pinned,
  createdAt: message.createdAt,
  editedAt: message.editedAt ?? null,
  deletedAt: message.deletedAt ?? null,
});

const shownRoom = (room, membership, names, last) => ({
  id: room._id,
  kind: room.kind,
  type: room.kind === 'direct' ? 'private' : 'group',
  name: room.name ?? null,
  description: room.description,
  participants: room.participants.map((id) => ({
    id,
    username: names.get(id.toString()),
    displayName: names.get(id.toString()),
  })),
  createdAt: room.createdAt,
  seq: room.seq,
  rev: room.rev,
  delivered: membership.delivered,
  read: membership.read,
  unread: room.seq - membership.read,
  mentions: membership.mentions,
  muted: membership.muted,
  lastMessage: last ? shownMessage(last) : null,
});

const size = (query) => Math.max(1, Math.min(MOST, Number(query.limit) || 50));

async function history(request, response) {
  const { id: room } = request.params;
  const limit = size(request.query);
  if (!mongoose.isValidObjectId(room)) throw new Refusal(404, 'there is no such room');
  if (!(await Membership.exists({ room, user: request.userId }).lean())) {
    throw new Refusal(404, 'there is no such room');
  }
  const before = Number(request.query.before);
  const wanted = before ? { room, seq: { $lt: before } } : { room };
  const found = await Message.find(wanted).sort({ seq: -1 }).limit(limit + 1).lean();
  const messages = found.slice(0, limit).reverse().map(shownMessage);
  response.json({ messages, hasMore: found.length > limit });
}

const byId = (documents) => new Map(documents.map((one) => [one._id.toString(), one]));

async function rooms(request, response) {
  const memberships = await Membership.find({ user: request.userId }).lean();
  const mine = new Map(memberships.map((one) => [one.room.toString(), one]));
  const found = await Room.find({ _id: { $in: memberships.map((one) => one.room) } })
    .sort({ active: -1, _id: -1 })
    .limit(size(request.query))
    .lean();
  const people = new Set(found.flatMap((room) => room.participants.map(String)));
  const last = found.map((room) => room.lastMessage).filter(Boolean);
  const [users, messages] = await Promise.all([
    User.find({ _id: { $in: [...people] } }, { username: 1 }).lean(),
    Message.find({ _id: { $in: last } }).lean(),
  ]);
  const names = new Map(users.map((user) => [user._id.toString(), user.username]));
  const lasts = byId(messages);
  response.json(
    found.map((room) =>
      shownRoom(room, mine.get(room._id.toString()), names, lasts.get(String(room.lastMessage))),
    ),
  );
}

const app = express();
app.disable('x-powered-by');
app.use(express.json());
app.get('/api/rooms', authenticate, rooms);
app.get('/api/rooms/:id/messages', authenticate, history);
app.use(refuse);

await mongoose.connect(MONGODB_URI);
await Promise.all([User.init(), Membership.init(), Message.init()]);
app.listen(Number(PORT), '127.0.0.1');
