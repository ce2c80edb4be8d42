// Uploads on Express and Multer, as such servers are usually written: the file goes to the disk as it
// comes, and nothing of it is looked at. What Hubbub's uploads are measured beside.
import { mkdirSync } from 'node:fs';
import { unlink } from 'node:fs/promises';

import express from 'express';
import multer from 'multer';

import { authenticate, refuse } from './common.js';

const { PORT = '5000', UPLOAD_DIR = 'uploads' } = process.env;

mkdirSync(UPLOAD_DIR, { recursive: true });
const upload = multer({ dest: UPLOAD_DIR, limits: { fileSize: 26 * 1024 * 1024 } });

const app = express();
app.disable('x-powered-by');
app.post('/api/uploads', authenticate, upload.array('file'), async (request, response) => {
  const files = request.files.map(({ filename, size }) => ({ url: `/uploads/${filename}`, size }));
  response.status(201).json({ uploads: files });
  // Hubbub keeps equal files once, so the peer must not fill the disk either.
  await Promise.all(request.files.map(({ path }) => unlink(path)));
});
app.use(refuse);
app.listen(Number(PORT), '127.0.0.1');
