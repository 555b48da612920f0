'use strict';
/** Where the daemon is, and one connection to it: lines of JSON in both directions. */
const fs = require('fs');
const net = require('net');
const tls = require('tls');

/** `HOST:PORT`, `unix:/PATH`, or either behind `tls:`, as the command line has it. */
function parseAddress(text) {
  const secure = text.startsWith('tls:');
  const place = secure ? text.slice(4) : text;
  if (place.startsWith('unix:') && place.length > 5) return { path: place.slice(5), secure, text };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(place);
  if (!match || Number(match[3]) < 1 || Number(match[3]) > 65535) {
    throw new TypeError(`not an address: '${text}'; it is HOST:PORT, unix:/PATH or either behind tls:`);
  }
  return { host: match[1] ?? match[2], port: Number(match[3]), secure, text };
}

function firstLine(path) {
  const token = fs.readFileSync(path, 'utf8').split(/\r?\n/, 1)[0];
  if (!token) throw new Error(`${path} holds no token`);
  return token;
}

/** The options of a connection, those left out from the environment. */
function settingsOf(address, options) {
  const place = parseAddress(address ?? (process.env.GATHERD_CONNECT || '127.0.0.1:7117'));
  const tokenFile = options.tokenFile ?? process.env.GATHERD_CONNECT_TOKEN_FILE;
  const token = options.token ?? (tokenFile ? firstLine(tokenFile) : undefined);
  let secure;
  if (place.secure) {
    const read = (path) => (path ? fs.readFileSync(path) : undefined);
    const certificate = read(options.certificate ?? process.env.GATHERD_CONNECT_TLS_CERTIFICATE);
    secure = {
      ca: read(options.caFile ?? process.env.GATHERD_CONNECT_TLS_CA), cert: certificate,
      key: certificate && (read(options.key ?? process.env.GATHERD_CONNECT_TLS_KEY) ?? certificate), ...options.tls,
    };
    const name = options.serverName ?? place.host ?? 'localhost';
    if (!net.isIP(name)) secure.servername = name;
    else if (place.path) secure.host = name;
  }
  return { place, token, secure, connectTimeout: options.connectTimeout ?? 10 };
}

/** Resolves to a connected socket. An abort of `signal` ends the wait for it. */
function open({ place, secure, connectTimeout }, signal) {
  return new Promise((resolve, reject) => {
    const target = place.path ? { path: place.path } : { host: place.host, port: place.port };
    const socket = secure ? tls.connect({ ...target, ...secure }) : net.connect(target);
    const timer = setTimeout(() => socket.destroy(new Error(`no connection to ${place.text} within ${connectTimeout} s`)), connectTimeout * 1000);
    const stop = () => socket.destroy(signal.reason);
    const settled = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    };
    signal?.addEventListener('abort', stop);
    socket.once('error', (error) => {
      settled();
      reject(error);
    });
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      settled();
      socket.removeAllListeners('error');
      socket.on('error', () => {}); // 'close' follows, with what became of it
      socket.setNoDelay?.(true);
      resolve(socket);
    });
  });
}

/** Calls `take` with each line of a socket, without its end. */
function eachLine(socket, take) {
  let parts = []; // of a line that has not ended
  socket.on('data', (data) => {
    let start = 0;
    for (let end = data.indexOf(10); end !== -1; end = data.indexOf(10, start)) {
      const piece = data.subarray(start, end);
      start = end + 1;
      const line = parts.length ? Buffer.concat([...parts, piece]) : piece;
      parts = [];
      take(line.toString('utf8'));
    }
    if (start < data.length) parts.push(data.subarray(start));
  });
}

const LONE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

/** A message as a line. JSON.stringify escapes a lone surrogate; the daemon takes no such text. */
function lineOf(message) {
  return checkedLine(JSON.stringify(message));
}

function checkedLine(text) {
  if (LONE_SURROGATE.test(text)) throw new TypeError('a text holds half a character: a lone surrogate');
  return text + '\n';
}

module.exports = { checkedLine, eachLine, lineOf, open, parseAddress, settingsOf };
