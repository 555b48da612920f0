'use strict';
/** A worker: offers functions of a Node program to plans. `serve({resize})`. */
const net = require('net');
const { AsyncLocalStorage } = require('async_hooks');
const { setTimeout: sleep } = require('timers/promises');
const util = require('util');
const { checkedLine, eachLine, lineOf, open, settingsOf } = require('./lib/connection.js');

const NAME = /^[A-Za-z_][A-Za-z0-9_.]{0,127}$/;
const [FIRST_DELAY, LONGEST_DELAY, STEADY] = [100, 10000, 10000]; // milliseconds
const LASTING = new Set([-32602, -32004]); // errors of serve and auth: the functions are wrong or another's, or the token has no right to them
const [MOST_MESSAGE, MOST_STACK] = [16384, 32768];

const current = new AsyncLocalStorage();

/** Of the call that runs: `signal`, which is aborted when it is cancelled, `print`, whose text goes to the caller, and `traceparent`. */
function call() {
  return current.getStore();
}

function wellFormed(text) {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}

function failure(id, thrown) {
  const isError = thrown !== null && typeof thrown === 'object';
  const name = String((isError && (thrown.name === 'AbortError' ? 'CancelledError' : thrown.name)) || 'Error');
  const type = /[\x00-\x1f\x7f]/.test(name) ? 'Error' : wellFormed(name); // the daemon takes no type with control characters
  const message = wellFormed(String(isError ? thrown.message ?? '' : thrown).slice(0, MOST_MESSAGE));
  const data = { type, message };
  if (isError && typeof thrown.stack === 'string') data.traceback = wellFormed(thrown.stack.slice(0, MOST_STACK));
  return lineOf({ jsonrpc: '2.0', id, error: { code: -32000, message: message ? `${type}: ${message}` : type, data } });
}

/** The declarations of the protocol, and the functions by their names. */
function declare(functions) {
  const known = new Map();
  const declared = [];
  for (const [name, offered] of Object.entries(functions)) {
    const { run, ...options } = typeof offered === 'function' ? { run: offered } : offered;
    if (typeof run !== 'function') throw new TypeError(`${name} is no function, and has no member run`);
    if (!NAME.test(name)) throw new TypeError(`a function's name is letters, digits, _ and ., up to 128: not '${name}'`);
    known.set(name, { run, params: options.params });
    declared.push({ name, ...options });
  }
  if (!known.size) throw new TypeError('there is no function to serve');
  return { known, declared };
}

/**
 * Serves functions until the daemon, SIGTERM or `signal` ends it; resolves then.
 *
 * functions    by name: a function, or {run, summary, params, idempotent, timeout, concurrency} as the protocol has them. Arguments come
 *              by position; those by name (a function with no `params`, or an optional one) as one object.
 * options      address, token, tokenFile, caFile, serverName: as of `connect`. A process of a pool has a connection already.
 *              concurrency: calls at once (100); 1 for functions that compute, since Node runs one at a time. name, version: what `workers` tells.
 */
async function serve(functions, options = {}) {
  const { known, declared } = declare(functions);
  const name = options.name ?? require('path').basename(process.argv[1] ?? 'node');
  const params = { functions: declared, concurrency: options.concurrency ?? 100, name };
  if (options.version !== undefined) params.version = options.version;
  const inherited = process.env.GATHERD_WORKER_FD;
  delete process.env.GATHERD_WORKER_FD; // for the programs that it starts
  const state = { isRetired: false, retire: undefined };
  const stopping = new AbortController(); // ends what is done between two connections
  const retire = () => {
    state.isRetired = true;
    stopping.abort();
    state.retire?.();
  };
  process.on('SIGTERM', retire);
  options.signal?.addEventListener('abort', retire, { once: true });
  const uncapture = capture();
  try {
    if (inherited !== undefined) {
      const socket = new net.Socket({ fd: Number(inherited), readable: true, writable: true });
      socket.on('error', () => {});
      await serveOn(socket, known, params, undefined, state);
      return;
    }
    const settings = settingsOf(options.address, options);
    for (let delay = FIRST_DELAY; !state.isRetired; delay = Math.min(2 * delay, LONGEST_DELAY)) {
      let reason = 'the daemon closed the connection';
      const since = Date.now();
      try {
        await serveOn(await open(settings, stopping.signal), known, params, settings.token, state);
      } catch (error) {
        if (error.isLasting) throw error;
        reason = error.message || error.code;
      }
      if (state.isRetired) return;
      if (Date.now() - since >= STEADY) delay = FIRST_DELAY;
      process.stderr.write(`gatherd: ${settings.place.text}: ${reason}; trying again\n`);
      await sleep(delay * (0.5 + Math.random() / 2), undefined, { signal: stopping.signal }).catch(() => {});
    }
  } finally {
    uncapture();
    process.removeListener('SIGTERM', retire);
    options.signal?.removeEventListener('abort', retire);
  }
}

/** Sends what a call logs by console.log, info or debug to its caller. Returns what ends that. */
function capture() {
  const before = {};
  for (const method of ['log', 'info', 'debug']) {
    before[method] = console[method];
    console[method] = (...values) => {
      const running = current.getStore();
      if (running) running.print(util.format(...values));
      else before[method].apply(console, values);
    };
  }
  return () => Object.assign(console, before);
}

function serveOn(socket, known, params, token, state) {
  return new Promise((resolve, reject) => {
    const calls = new Map();
    let refusal;
    let mayEnd = false;
    const write = (line) => { if (!socket.destroyed) socket.write(line); };
    const endIfDone = () => { if (mayEnd && calls.size === 0) socket.end(() => socket.destroy()); };

    async function invoke(id, { call: name, args = [], traceparent }) {
      const controller = new AbortController();
      const print = (text) => {
        for (const line of wellFormed(String(text)).split('\n')) write(lineOf({ jsonrpc: '2.0', method: 'output', params: { request: id, text: line } }));
      };
      const running = { signal: controller.signal, print, traceparent };
      // What listens for the abort runs as part of the call.
      calls.set(id, (message) => current.run(running, () => controller.abort(new DOMException(message, 'AbortError'))));
      let answer;
      try {
        const found = known.get(name);
        if (!found) throw Object.assign(new Error(`this worker has no function '${name}'`), { name: 'LookupError' });
        const given = Array.isArray(args) ? args : [args];
        const result = await current.run(running, () => found.run(...given));
        answer = resultLine(id, result === undefined ? null : result);
      } catch (thrown) {
        answer = failure(id, controller.signal.aborted && thrown === controller.signal.reason ? Object.assign(new Error(String(thrown.message)), { name: 'CancelledError' }) : thrown);
      }
      calls.delete(id);
      write(answer);
      endIfDone();
    }

    state.retire = () => write(lineOf({ jsonrpc: '2.0', id: 'retire', method: 'serve', params: { functions: [] } }));
    eachLine(socket, (line) => {
      let message;
      try {
        message = JSON.parse(line);
        if (message === null || typeof message !== 'object') throw new TypeError('no object');
      } catch (error) {
        refusal = new Error(`what answers is no gatherd: ${error.message}`);
        socket.destroy();
        return;
      }
      if (message.method === 'invoke') invoke(message.id, message.params);
      else if (message.method === 'cancel') calls.get(message.params.request)?.(message.params.message || 'cancelled');
      else if (message.method === undefined && message.id === 'retire') {
        mayEnd = true;
        endIfDone();
      } else if (message.method === undefined && message.error) {
        // Other errors are about one answer, such as one that is too large, or pass, such as too many connections.
        const isLasting = (message.id === 'auth' || message.id === 'serve') && LASTING.has(message.error.code);
        refusal = Object.assign(new Error(`the daemon refuses ${isLasting ? 'this worker' : 'a message'}: ${message.error.message}`), { isLasting });
        socket.destroy();
      }
    });
    socket.once('close', () => {
      state.retire = undefined;
      for (const cancel of calls.values()) cancel('the daemon has gone');
      if (refusal) reject(refusal);
      else resolve();
    });
    if (token !== undefined) write(lineOf({ jsonrpc: '2.0', id: 'auth', method: 'auth', params: { token } }));
    write(lineOf({ jsonrpc: '2.0', id: 'serve', method: 'serve', params }));
    if (state.isRetired) state.retire();
  });
}

/** The answer to a call. What JSON.stringify would leave out or turn into something else is an error, as it is in the client's arguments. */
function resultLine(id, result) {
  const text = JSON.stringify(result, (key, item) => {
    if (typeof item === 'number' && !Number.isFinite(item)) throw new TypeError(`${item} is no JSON`);
    if (typeof item === 'function' || typeof item === 'symbol') throw new TypeError(`${typeof item} is no JSON`);
    if (item instanceof Map || item instanceof Set) throw new TypeError('a Map or Set is no JSON: use Object.fromEntries or Array.from');
    return item;
  });
  if (text === undefined) throw new TypeError('undefined is no JSON'); // of a toJSON
  return checkedLine(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${text}}`);
}

module.exports = { call, serve };
