// Prints how many milliseconds one bare bcrypt hash takes on Node, the least disturbed of five tries:
// `node hash.js ROUNDS TIMES`.
import bcrypt from 'bcrypt';

const [rounds, times] = process.argv.slice(2).map(Number);

const attempt = () => {
  const began = performance.now();
  for (let i = 0; i < times; i += 1) bcrypt.hashSync('correct horse 42 battery', rounds);
  return (performance.now() - began) / times;
};

console.log(Math.min(...Array.from({ length: 5 }, attempt)));
