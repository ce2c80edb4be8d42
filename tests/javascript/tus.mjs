// Sends a file by tus-js-client, breaks off half-way, and goes on.
// node tus.mjs <endpoint> <token> <bytes> <chunk> [override]; says the address and how often it went on.
import { Upload } from 'tus-js-client';

const [endpoint, token, bytes, chunk, override] = process.argv.slice(2);
const data = Buffer.alloc(Number(bytes));
for (let place = 0; place < data.length; place += 1) data[place] = (place * 7 + (place >> 8)) % 251;
data.write('PK\u0003\u0004', 'latin1');

const options = {
  endpoint,
  chunkSize: Number(chunk),
  overridePatchMethod: override === 'override',
  retryDelays: [0, 50, 100, 200],
  metadata: { filename: 'größe.zip', filetype: 'text/html' },
  headers: { Authorization: `Bearer ${token}` },
};

function run(change) {
  return new Promise((resolve, reject) => {
    const upload = new Upload(data, {
      ...options,
      ...change,
      onError: reject,
      onSuccess: () => resolve(upload),
      onProgress: (sent) => {
        if (change.breakAt && sent >= change.breakAt) upload.abort().then(() => resolve(upload));
      },
    });
    upload.start();
  });
}

const broken = await run({ breakAt: data.length / 2 });
const whole = await run({ uploadUrl: broken.url });
const ended = await run({ breakAt: 1 });
await ended.abort(true);
const gone = await fetch(ended.url, {
  method: 'HEAD',
  headers: { ...options.headers, 'Tus-Resumable': '1.0.0' },
});
console.log(JSON.stringify({ broken: broken.url, whole: whole.url, gone: gone.status }));
