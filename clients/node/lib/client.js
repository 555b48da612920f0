'use strict';
/** The connection of a program to the daemon. */
const { Plan, Plans, decode } = require('./plans.js');
const { ConnectionLost, NotPermitted, Overloaded, ProtocolError, errorOf, errorOfAnswer } = require('./errors.js');
const { eachLine, lineOf, open, settingsOf } = require('./connection.js');

// They start nothing and change nothing, so they may be sent again over a new connection.
const REPEATABLE = new Set(['ping', 'info', 'functions', 'stats', 'status', 'tasks', 'workers', 'await', 'wait']);
const MOST_TRIES = 5;
const [FIRST_DELAY, LONGEST_DELAY] = [50, 2000]; // milliseconds
const CLOSE_TIME = 1000;

/** The end of one child of a gather or map, or of one task. */
class Completed {
  constructor(index, task, value, error) {
    this.index = index;
    this.task = task;
    this.value = value;
    this.error = error;
  }
  /** What it returned; throws what it raised. */
  result() {
    if (this.error !== undefined) throw this.error;
    return this.value;
  }
}

/** A task that outlives the request that created it. */
class Task {
  #client;
  #plan;
  constructor(client, id, plan) {
    this.id = id;
    this.#client = client;
    this.#plan = plan;
  }
  /** Its result, once it has ended, any number of times. */
  async result({ signal } = {}) { return this.decode(await this.#client.request('await', { id: this.id }, { signal })); }
  decode(result) { return this.#plan ? this.#plan.decode(result) : result; }
  /** Asks it to end; whether it had not ended yet. */
  async cancel(message) { return (await this.#client.request('cancel', given({ id: this.id, message }))).cancelled > 0; }
  status() { return this.#client.request('status', { id: this.id }); }
  async forget() { await this.#client.request('forget', { id: this.id }); }
}

function given(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== false));
}

class Connection {
  #socket;
  #output;
  #asked = new Map();
  #refusal; // an error that named no request
  constructor(socket, output) {
    this.#socket = socket;
    this.#output = output;
    this.lost = undefined;
    eachLine(socket, (line) => this.#take(line));
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    this.closed.then(() => this.#end());
  }
  #take(line) {
    if (this.lost) return;
    let message;
    try {
      message = JSON.parse(line);
      if (message === null || typeof message !== 'object' || Array.isArray(message)) throw new TypeError('no object');
    } catch (error) {
      this.lost = new ProtocolError(`what answers is no gatherd: ${error.message}`);
      this.#socket.destroy();
      return;
    }
    if (message.method === 'output') {
      this.#output?.(message.params.text);
    } else if (message.method !== undefined) {
      this.#asked.get(message.params?.request)?.notify?.(message.method, message.params);
    } else if (message.id === null) {
      if (message.error) this.#refusal = errorOfAnswer(message.error);
    } else {
      const asked = this.#asked.get(message.id);
      this.#asked.delete(message.id);
      if (asked && 'result' in message) asked.resolve(message.result);
      else asked?.reject(errorOfAnswer(message.error));
    }
  }
  #end() {
    const refusal = this.#refusal;
    const refused = refusal instanceof Overloaded || refusal instanceof NotPermitted; // the connection: nothing was run
    this.lost ??= refused ? refusal : new ConnectionLost(`the daemon closed the connection${refusal ? `; it said: ${refusal.message}` : ''}`);
    const reason = refusal && this.#asked.size === 1 ? refusal : this.lost;
    for (const asked of this.#asked.values()) asked.reject(copyOf(reason));
    this.#asked.clear();
  }
  ask(id, method, params, { signal, notify } = {}) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.lost) throw copyOf(this.lost);
      const line = lineOf({ jsonrpc: '2.0', id, method, params });
      const aborted = () => {
        this.#asked.delete(id);
        this.#cancel(id, String(signal.reason?.message ?? signal.reason ?? ''));
        reject(signal.reason);
      };
      const settled = (settle) => (outcome) => {
        signal?.removeEventListener('abort', aborted);
        settle(outcome);
      };
      signal?.addEventListener('abort', aborted, { once: true });
      this.#asked.set(id, { resolve: settled(resolve), reject: settled(reject), notify });
      this.#socket.write(line);
    });
  }
  #cancel(id, message) {
    if (!this.lost) this.#socket.write(lineOf({ jsonrpc: '2.0', method: 'cancel', params: { request: id, message: message.toWellFormed?.() ?? '' } }));
  }
  async close() {
    // Over TCP the daemon cannot tell a close from an end of input, after which requests run on.
    for (const id of this.#asked.keys()) this.#cancel(id, 'the client was closed');
    this.lost ??= new ConnectionLost('the client was closed');
    this.#end();
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIME);
    await this.closed;
    clearTimeout(timer);
  }
}

/** One for each request: a stack belongs to one. */
function copyOf(lost) {
  return Object.assign(new lost.constructor(lost.message), lost);
}

/**
 * A client of the daemon: makes plans, runs them, and keeps the connection. A lost one is made again by the next request, with growing
 * pauses. A request whose answer was lost with the connection is rejected with ConnectionLost: it may have run, so it is not repeated,
 * unless it only asks (ping, info, functions, stats, status, tasks, workers, and awaiting tasks).
 */
class Client extends Plans {
  #settings;
  #output;
  #reconnect;
  #connection;
  #connecting;
  #wasConnected = false;
  #isClosed = false;
  #ids = 0;
  constructor(address, { output = (text) => process.stdout.write(text + '\n'), reconnect = 10, ...options } = {}) {
    super();
    this.#settings = settingsOf(address, options);
    this.#output = output;
    this.#reconnect = reconnect * 1000;
  }
  /** Closes the connection. The daemon cancels the requests that are not answered, and the tasks that are not detached. */
  async close() {
    this.#isClosed = true;
    await this.#connection?.close();
  }
  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() { await this.close(); }
  async connect() { await this.#ready(); }

  async #ready() {
    if (this.#isClosed) throw new ConnectionLost('the client was closed');
    if (this.#connection && !this.#connection.lost) return this.#connection;
    this.#connecting ??= this.#connect().finally(() => { this.#connecting = undefined; });
    return this.#connecting;
  }
  async #connect() {
    const deadline = Date.now() + (this.#wasConnected ? this.#reconnect : 0);
    for (let delay = FIRST_DELAY; ; delay = Math.min(2 * delay, LONGEST_DELAY)) {
      let failure;
      try {
        const made = new Connection(await open(this.#settings), this.#output);
        if (this.#settings.token !== undefined) {
          await made.ask(++this.#ids, 'auth', { token: this.#settings.token }).catch(async (error) => {
            await made.close();
            throw error;
          });
        }
        if (this.#isClosed) {
          await made.close();
          throw new ConnectionLost('the client was closed');
        }
        this.#wasConnected = true;
        this.#connection = made;
        return made;
      } catch (error) {
        if (error instanceof NotPermitted || error instanceof ProtocolError || this.#isClosed) throw error;
        failure = error;
      }
      const pause = delay * (0.5 + Math.random() / 2);
      if (Date.now() + pause > deadline) {
        if (failure instanceof ConnectionLost || failure instanceof Overloaded) throw failure;
        throw Object.assign(new ConnectionLost(`no connection to ${this.#settings.place.text}: ${failure.message || failure.code}`), { cause: failure });
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  /** Any method of the protocol. An abort of `signal` cancels it. `notify` gets its notifications: their method and params. */
  async request(method, params = {}, { signal, notify } = {}) {
    for (let tries = 1; ; ++tries) {
      signal?.throwIfAborted();
      const connection = await this.#ready();
      try {
        return await connection.ask(++this.#ids, method, params, { signal, notify });
      } catch (error) {
        if (!(error instanceof ConnectionLost) || !REPEATABLE.has(method) || this.#isClosed || tries === MOST_TRIES) throw error;
      }
    }
  }
  /** Runs a plan; as `await plan`, with options. */
  async run(plan, { signal, timeout, seed, onProgress, progress = 1 } = {}) {
    if (!(plan instanceof Plan)) throw new TypeError('run takes a plan');
    if (!onProgress) return plan.decode(await this.request('run', { task: plan.toTask(), ...given({ timeout, seed }) }, { signal }));
    const [method, params] = streamed(plan);
    const notify = (_, { total, done, failed }) => onProgress({ total, done, failed });
    return plan.decode(await this.request(method, { ...params, ...given({ timeout, seed }), progress }, { signal, notify }));
  }
  /** The children of a gather or map as they end. Leaving the loop early cancels the rest. */
  async* stream(plan, { signal, timeout, seed } = {}) {
    const [method, params] = streamed(plan);
    for await (const told of this.#streaming(method, { ...params, stream: true, ...given({ timeout, seed }) }, signal)) {
      const shape = plan.shape?.list ? plan.shape.list[told.index] : plan.shape?.map;
      if (!('error' in told)) yield new Completed(told.index, undefined, decode(shape, told.value));
      else if (params.return_exceptions) yield new Completed(told.index, undefined, undefined, errorOf(told.error));
    }
  }
  async* #streaming(method, params, signal) {
    const leaving = new AbortController();
    const told = [];
    let wake = () => {};
    let ended;
    const notify = (kind, notified) => {
      if (kind === 'completed') told.push(notified);
      wake();
    };
    const abort = () => leaving.abort(signal.reason);
    signal?.throwIfAborted();
    signal?.addEventListener('abort', abort, { once: true });
    this.request(method, params, { signal: leaving.signal, notify }).then(() => { ended = {}; }, (error) => { ended = { error }; }).then(() => wake());
    try {
      for (let next = 0; ;) {
        if (next < told.length) {
          const entry = told[next];
          told[next++] = undefined;
          yield entry;
        } else if (ended) {
          if (ended.error) throw ended.error;
          return;
        } else {
          await new Promise((resolve) => { wake = resolve; });
        }
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      if (!ended) leaving.abort();
    }
  }
  /** Starts a plan and returns at once. The task ends with this connection unless `detach`; its result is kept for `keep` seconds. */
  async createTask(plan, { name, timeout, seed, detach, keep } = {}) {
    const { id } = await this.request('create_task', { task: plan.toTask(), ...given({ name, timeout, seed, detach, keep }) });
    return new Task(this, id, plan);
  }
  /** A task by its id. */
  task(id) { return new Task(this, id); }
  /** The results of several tasks, in order. It never cancels them, however it ends. */
  async awaitTasks(tasks, { returnExceptions, timeout, signal } = {}) {
    const list = Array.from(tasks);
    const results = await this.request('await', { ids: list.map((task) => task.id), ...given({ return_exceptions: returnExceptions, timeout }) }, { signal });
    return results.map((entry, index) => (!returnExceptions ? list[index].decode(entry)
      : 'error' in entry ? errorOf(entry.error) : list[index].decode(entry.value)));
  }
  /** `{done: [Task..], pending: [Task..]}`. */
  async waitTasks(tasks, { returnWhen, timeout, signal } = {}) {
    const list = Array.from(tasks);
    const answer = await this.request('wait', { ids: list.map((task) => task.id), ...given({ return_when: returnWhen, timeout }) }, { signal });
    const ended = new Set(answer.done.map((entry) => entry.id));
    return { done: list.filter((task) => ended.has(task.id)), pending: list.filter((task) => !ended.has(task.id)) };
  }
  /** Tasks, or plans (which it runs, all at once), as they end. */
  async* asCompleted(tasks, { signal, timeout } = {}) {
    const entries = Array.from(tasks);
    if (entries.every((entry) => entry instanceof Plan)) {
      for await (const done of this.stream(this.gather(entries, { returnExceptions: true }), { signal, timeout })) {
        done.task = entries[done.index];
        yield done;
      }
      return;
    }
    if (!entries.every((entry) => entry instanceof Task)) throw new TypeError('asCompleted takes tasks or plans, not both');
    const places = new Map(entries.map((task, index) => [task.id, index]));
    for await (const told of this.#streaming('as_completed', { ids: [...places.keys()], ...given({ timeout }) }, signal)) {
      const index = places.get(told.id);
      yield 'error' in told ? new Completed(index, entries[index], undefined, errorOf(told.error))
        : new Completed(index, entries[index], entries[index].decode(told.value));
    }
  }
  ping() { return this.request('ping'); }
  info() { return this.request('info'); }
  functions() { return this.request('functions'); }
  stats() { return this.request('stats'); }
  tasks({ state, limit } = {}) { return this.request('tasks', given({ state, limit })); }
  workers() { return this.request('workers'); }
}

function streamed(plan) {
  if (!plan.streamed) throw new TypeError('only a gather or a map has children to stream');
  return plan.streamed();
}

/** A connected client. See README.md for the options. */
async function connect(address, options) {
  const client = new Client(address, options);
  await client.connect();
  return client;
}

module.exports = { Client, Completed, Task, connect };
