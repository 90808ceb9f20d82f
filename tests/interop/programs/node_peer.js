// Node.js; see ../README.md for what it is told.
'use strict';
const fs = require('fs');
const tls = require('tls');

const env = process.env;
const TRAILER = Buffer.from('interop-end\n');
const version = `TLSv${env.TLS_VERSION}`;
const file = (path) => (path ? fs.readFileSync(path) : undefined);
const common = {
  minVersion: version,
  maxVersion: version,
  ca: file(env.TLS_CA),
  cert: file(env.TLS_CERT),
  key: file(env.TLS_KEY),
};
const say = (kind, what) => console.log(`${kind}: ${String(what).replace(/\s+/g, ' ')}`);
const words = (error) => `${error.code || ''} ${error.message}`;

function client(times, session) {
  const request = fs.readFileSync(env.TLS_REQUEST);
  const untilTrailer = env.TLS_UNTIL === 'trailer';
  let answer = Buffer.alloc(0);
  let kept;
  const socket = tls.connect({
    ...common, session, host: '127.0.0.1', port: +env.TLS_PORT, servername: 'localhost',
  });
  socket.on('session', (found) => { kept = found; });
  socket.on('secureConnect', () => socket.write(request));
  socket.on('data', (data) => {
    answer = Buffer.concat([answer, data]);
    if (untilTrailer && answer.subarray(-TRAILER.length).equals(TRAILER)) {
      fs.writeFileSync(env.TLS_ANSWER, answer);
      say('end', 'ours');
      socket.end();
    }
  });
  let ended = false;
  socket.on('end', () => {
    ended = true;
    fs.writeFileSync(env.TLS_ANSWER, answer);
    if (!untilTrailer) say('end', 'end');
  });
  socket.on('error', (error) => { say('error', words(error)); times = 1; });
  socket.on('close', () => {
    if (!ended && !untilTrailer) say('error', 'closed without end');
    if (times > 1) client(times - 1, kept);
  });
}

function server() {
  const options = { ...common, requestCert: !!env.TLS_CA, rejectUnauthorized: !!env.TLS_CA };
  const found = tls.createServer(options, (socket) => {
    let got = Buffer.alloc(0);
    socket.on('data', (data) => {
      got = Buffer.concat([got, data]);
      if (got.subarray(-TRAILER.length).equals(TRAILER)) socket.end(got);
    });
    socket.on('error', (error) => say('error', words(error)));
  });
  found.on('tlsClientError', (error) => say('error', words(error)));
  found.listen(+env.TLS_PORT, '127.0.0.1');
}

if (process.argv[2] === 'server') server(); else client(+env.TLS_TIMES);
