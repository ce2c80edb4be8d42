// One-to-one messages on Socket.IO and Mongoose, as such servers are usually written and well kept:
// stored first, then told, then acknowledged. What Hubbub's messages are measured beside.
import { createServer } from 'node:http';

import jwt from 'jsonwebtoken';
import mongoose from 'mongoose';
import { Server } from 'socket.io';

import { key } from './common.js';

const { PORT = '5000', MONGODB_URI } = process.env;

const messageSchema = new mongoose.Schema(
  {
    sender: { type: mongoose.Schema.Types.ObjectId, required: true },
    receiver: { type: mongoose.Schema.Types.ObjectId, required: true },
    content: { type: String, required: true, maxlength: 5000 },
    read: { type: Boolean, default: false },
  },
  { timestamps: true },
);
messageSchema.index({ sender: 1, receiver: 1, createdAt: -1 });
const Message = mongoose.model('Message', messageSchema);

const server = createServer();
const io = new Server(server, { serveClient: false });

io.use((socket, next) => {
  try {
    socket.data.user = jwt.verify(socket.handshake.auth.token, key, { algorithms: ['HS256'] }).sub;
    next();
  } catch {
    next(new Error('the token is not valid'));
  }
});

io.on('connection', (socket) => {
  socket.join(socket.data.user);
  socket.on('private_message', async ({ to, content }, acknowledge) => {
    try {
      const message = await Message.create({ sender: socket.data.user, receiver: to, content });
      io.to(to).emit('private_message', message);
      acknowledge({ ok: true, message });
    } catch (error) {
      console.error(error);
      acknowledge({ ok: false, error: error.message });
    }
  });
});

await mongoose.connect(MONGODB_URI);
await Message.init(); // the index is there before the first message
server.listen(Number(PORT), '127.0.0.1');
