// Sends back every text that it gets: what Hubbub's reader and writer of frames are measured beside.
import { WebSocketServer } from 'ws';

const sockets = new WebSocketServer({ port: Number(process.env.PORT), host: '127.0.0.1' });
sockets.on('connection', (socket) => {
  socket.on('message', (data) => socket.send(data, { binary: false }));
  socket.on('error', () => {});
});
