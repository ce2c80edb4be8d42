// Accounts on Express and Mongoose, as such servers are usually written and well kept: what
// Hubbub's accounts are measured beside. One process; everything is set in the environment.
import bcrypt from 'bcrypt';
import express from 'express';
import jwt from 'jsonwebtoken';
import mongoose from 'mongoose';

import { Refusal, authenticate, key, refuse } from './common.js';

const { PORT = '5000', MONGODB_URI } = process.env;
const BCRYPT_ROUNDS = Number(process.env.BCRYPT_ROUNDS ?? 12);
const DUPLICATE_KEY = 11000;

const User = mongoose.model(
  'User',
  new mongoose.Schema(
    {
      username: { type: String, required: true, unique: true, match: /^[A-Za-z0-9_.-]{3,30}$/ },
      email: { type: String, required: true, unique: true, lowercase: true, match: /^\S+@\S+$/ },
      password: { type: String, required: true },
    },
    { timestamps: true },
  ),
);

const shown = (user) => ({
  id: user._id,
  username: user.username,
  email: user.email,
  createdAt: user.createdAt,
});

const newToken = (user) =>
  jwt.sign({ sub: user._id.toString() }, key, { algorithm: 'HS256', expiresIn: '7d' });

async function register(request, response) {
  const { username, email, password } = request.body ?? {};
  if (typeof password !== 'string' || password.length < 8) {
    throw new Refusal(400, 'a password has at least 8 characters');
  }
  const hash = await bcrypt.hash(password, BCRYPT_ROUNDS);
  const user = await User.create({ username, email, password: hash });
  response.status(201).json({ message: 'registered', user: shown(user), token: newToken(user) });
}

async function login(request, response) {
  const { username, email, password } = request.body ?? {};
  const name = username ? { username: String(username) } : { email: String(email).toLowerCase() };
  const user = await User.findOne(name).lean();
  if (!user || !(await bcrypt.compare(String(password), user.password))) {
    throw new Refusal(401, 'wrong name or password');
  }
  response.json({ message: 'logged in', user: shown(user), token: newToken(user) });
}

async function profile(request, response) {
  // A plain object: a whole document would make this request a twentieth slower.
  const user = await User.findById(request.userId).lean();
  if (!user) throw new Refusal(404, 'no such user');
  response.json({ user: shown(user) });
}

// What Mongoose refuses, in the words of REST.
function explain(error, request, response, next) {
  if (error.code === DUPLICATE_KEY) return next(new Refusal(409, 'the name or e-mail is taken'));
  if (error instanceof mongoose.Error.ValidationError) return next(new Refusal(400, error.message));
  return next(error);
}

const app = express();
app.disable('x-powered-by');
app.use(express.json());
app.post('/api/auth/register', register);
app.post('/api/auth/login', login);
app.get('/api/auth/profile', authenticate, profile);
app.use(explain, refuse);

await mongoose.connect(MONGODB_URI);
await User.init(); // the unique indexes are there before the first registration
app.listen(Number(PORT), '127.0.0.1');
