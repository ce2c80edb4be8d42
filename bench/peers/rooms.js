// A room that everybody is in, with nothing stored: `node rooms.js ws` or `node rooms.js socket.io`.
// What Hubbub's fan-out and its memory for sockets are measured beside.
import { createServer } from 'node:http';

import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';
import { WebSocket, WebSocketServer } from 'ws';

import { key } from './common.js';

const { PORT = '5000' } = process.env;

const userOf = (token) => jwt.verify(token, key, { algorithms: ['HS256'] }).sub;

let last = 0;
function told(sender, content) {
  last += 1;
  return { id: last, sender, content, createdAt: new Date() };
}

function serveWs(server) {
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    let user;
    socket.on('message', (data) => {
      const { token, content } = JSON.parse(data);
      if (user === undefined) {
        try {
          user = userOf(token);
        } catch {
          socket.close(4001);
          return;
        }
        socket.send('{"welcome":true}');
        return;
      }
      const text = JSON.stringify(told(user, content)); // once for all
      for (const client of sockets.clients) {
        if (client.readyState === WebSocket.OPEN) client.send(text);
      }
    });
    socket.on('error', () => {});
  });
}

function serveSocketIo(server) {
  const io = new Server(server, { serveClient: false });
  io.use((socket, next) => {
    try {
      socket.data.user = userOf(socket.handshake.auth.token);
      next();
    } catch {
      next(new Error('the token is not valid'));
    }
  });
  io.on('connection', (socket) => {
    socket.on('message', ({ content }, acknowledge) => {
      io.emit('message', told(socket.data.user, content));
      acknowledge({ ok: true });
    });
  });
}

// Resident memory is read after a collection, so that garbage does not count.
if (global.gc) {
  process.on('SIGUSR2', () => {
    global.gc();
    console.log('collected');
  });
}

const server = createServer();
(process.argv[2] === 'ws' ? serveWs : serveSocketIo)(server);
server.listen(Number(PORT), '127.0.0.1');
