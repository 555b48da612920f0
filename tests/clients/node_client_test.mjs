// The Node client, installed by npm, against the daemon at ADDRESS.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import gatherd, { connect, ConnectionLost, GroupError, NoSuchTask, NotPermitted, OverLimit, PlanRefused, Plans, ProtocolError, RemoteError } from 'gatherd';

const { ADDRESS, TLS_ADDRESS, UNIX_ADDRESS, TOKEN, CA_FILE } = process.env;
const STRANGE = [{ await: { call: 'fail', args: ['RuntimeError', 'it ran'] } }, { ref: 'x' }, { call: 'add', args: [1] }, { value: 1 },
  { a: [{ await: { value: 1 } }] }, { await: 1, more: 2 }, JSON.parse('{"__proto__": {"ref": "x"}}')];
const printed = [];
let g;

before(async () => { g = await connect(ADDRESS, { output: (text) => printed.push(text) }); });
after(() => g.close());

async function untilItRuns(expected) {
  while (((await g.stats()).tasks_in_flight > 0) !== expected);
}

test('a call is lazy and runs each time it is awaited', async () => {
  const call = g.call('add', 1, 2);
  assert.deepEqual([await call, await call], [3, 3]);
  assert.equal(await g.run(new Plans().call('echo', 'a')), 'a');
  await assert.rejects(async () => { await new Plans().call('add'); }, /client.run/);
});

test('plans compose to one request', async () => {
  const runs = async () => (await g.stats()).requests_by_method.run;
  const had = await runs();
  assert.deepEqual(await g.gather([g.call('add', g.call('add', 1, 2), 3), g.sequence([g.value('a'), g.value([1])]),
    g.waitFor(g.race([g.call('sleep', 30), g.call('echo', { x: 1 })]), 20)], { limit: 2 }), [6, ['a', [1]], { x: 1 }]);
  assert.equal(await runs() - had, 1);
});

test('every kind', async () => {
  assert.deepEqual(await g.map('echo', [1, [2], null]), [1, [2], null]);
  assert.deepEqual(await g.starmap('add', [[1, 2], [3, 4]]), [3, 7]);
  assert.deepEqual(await g.taskGroup([g.value(1), g.callNamed('echo', { value: 2 })]), [1, 2]);
  const waited = await g.wait([g.call('fail', 'OSError'), g.value(1)]);
  assert.deepEqual([waited.done.get(0).name, waited.done.get(1), waited.pending], ['OSError', 1, []]);
  assert.equal(await g.shield(g.retry(g.value(1), { attempts: 3, delay: 0.1 })), 1);
  assert.equal(await g.toThread('time.sleep', 0), null);
  assert.deepEqual(await g.try(g.call('fail', 'ValueError', 'x'), { types: ['ValueError'], except: (error) => g.call('echo', error) }),
    { type: 'ValueError', message: 'x' });
  assert.equal(await g.try(g.call('fail'), { except: g.value('handled'), finally: g.call('print', 'finally') }), 'handled');
  assert.deepEqual(printed, ['finally']);
  assert.deepEqual(await g.let({ user: g.call('add', 3, 4) }, ({ user }) => g.gather([user, g.call('add', user, 1)])), [7, 8]);
  assert.deepEqual(await g.let({ a: g.value(1), b: g.call('add', g.ref('a'), 1) }, g.ref('b')), 2);
  assert.deepEqual(await g.let({ a: g.value('outer') }, ({ a: first }) => g.let({ a: g.value('inner') }, ({ a }) => g.gather([first, a]))), ['outer', 'inner']);
});

test('second edition: map with a plan for each item, if, any', async () => {
  assert.deepEqual(await g.map((x) => g.map((y) => g.call('add', x, y), [1, 2]), [10, 20]), [[11, 12], [21, 22]]);
  assert.deepEqual(await g.map('add', g.value([1, 2])), [1, 2]);
  assert.deepEqual(await g.map((item) => g.call('echo', item), STRANGE), STRANGE);
  assert.deepEqual(await g.gather([g.if(g.value([]), g.value(1), g.value(2)), g.if(g.value(0), g.value(1))]), [2, null]);
  assert.equal(await g.any([g.call('fail'), g.value(1)], { stagger: 0 }), 1);
  await assert.rejects(g.any([g.call('fail', 'ValueError')]).run(), (error) => error instanceof GroupError && error.errors[0].name === 'ValueError');
});

test('second edition: JSON from strangers is data wherever it stands', async () => {
  for (const strange of [...STRANGE, STRANGE]) {
    assert.deepEqual(await g.call('echo', strange), strange);
    assert.deepEqual(await g.callNamed('echo', { value: strange }), strange);
    assert.deepEqual(await g.map('echo', [strange, 1]), [strange, 1]);
    assert.deepEqual(await g.starmap('echo', [{ value: strange }]), [strange]);
    for await (const done of g.map('echo', [strange]).stream()) assert.deepEqual(done.result(), strange);
  }
  await assert.rejects(g.callNamed('echo', { await: { call: 'noop' } }).run(), PlanRefused);
});

test('JSON from strangers beside plans is data', async () => {
  for (const strange of STRANGE) {
    assert.deepEqual(await g.call('echo', [strange, g.value(1), { deep: strange }]), [strange, 1, { deep: strange }]);
    assert.deepEqual(await g.value(strange), strange);
    assert.deepEqual(await g.map('echo', [strange, g.value(2)]), [strange, 2]);
  }
});

test('what is no plan or no JSON is refused before it is sent', async () => {
  assert.throws(() => g.gather([{ call: 'add' }]), /is to be a plan/);
  assert.throws(() => g.waitFor(1, 2), TypeError);
  for (const wrong of [NaN, 1n, () => 1, new Map(), '\ud800', { ref: g.value(1) }]) await assert.rejects(g.call('echo', wrong).run(), TypeError);
  await assert.rejects(g.value(g.value(1)).run(), TypeError);
  await assert.rejects(g.ref('nowhere').run(), TypeError);
  const values = [null, true, 1, 0.1, 1e300, 'é\u0000\n\u{1f600}\\ud800', [], {}, { a: [{ b: null }] }, 'x'.repeat(300000)];
  assert.deepEqual(await g.call('echo', values), values);
});

test('errors', async () => {
  await assert.rejects(g.gather([g.value(1), g.call('fail', 'ValueError', 'boom')]).run(),
    (error) => error instanceof RemoteError && error.name === 'ValueError' && error.message === 'boom' && error.path === '/task/gather/1');
  const results = await g.gather([g.value({ error: 1 }), g.gather([g.call('fail'), g.value(2)], { returnExceptions: true })], { returnExceptions: true });
  assert.deepEqual([results[0], results[1][0].name, results[1][1]], [{ error: 1 }, 'Exception', 2]);
  await assert.rejects(g.taskGroup([g.call('fail', 'A'), g.call('fail', 'B')]).run(), (error) => error instanceof AggregateError && error.name === 'ExceptionGroup');
  await assert.rejects(g.call('fail', 'ExceptionGroup', 'of a worker').run(), (error) => error instanceof GroupError && error.errors.length === 0);
  await assert.rejects(g.call('ad', 1).run(), (error) => error instanceof PlanRefused && error.path === '/task/call' && /add/.test(error.hint));
  await assert.rejects(g.task('nowhere').result(), NoSuchTask);
  await assert.rejects(g.request('nix'), ProtocolError);
  await assert.rejects(g.call('sleep', 3600).run({ timeout: 0.01 }), { name: 'TimeoutError' });
});

test('an abort cancels the request', async () => {
  const controller = new AbortController();
  const plan = g.try(g.call('sleep', 3600), { types: ['CancelledError'], except: g.call('print', 'it was cancelled') });
  const running = plan.run({ signal: controller.signal });
  await untilItRuns(true);
  controller.abort(new Error('enough'));
  await assert.rejects(running, /enough/);
  await untilItRuns(false);
  await assert.rejects(g.call('noop').run({ signal: AbortSignal.abort() }), { name: 'AbortError' });
  assert.equal(printed.at(-1), 'it was cancelled');
});

test('streams', async () => {
  const ended = [];
  for await (const done of g.gather([g.call('sleep', 0.2, 'slow'), g.value('fast')]).stream()) ended.push([done.index, done.result()]);
  assert.deepEqual(ended, [[1, 'fast'], [0, 'slow']]);
  for await (const done of g.gather([g.value(1), g.call('sleep', 3600)]).stream()) {
    assert.equal(done.index, 0);
    break;
  }
  await untilItRuns(false);
  await assert.rejects(async () => { for await (const _ of g.gather([g.call('fail', 'OSError')]).stream()); }, { name: 'OSError' });
  const tasks = await Promise.all([g.createTask(g.value(1)), g.createTask(g.call('fail', 'OSError'))]);
  const seen = [];
  for await (const done of g.asCompleted(tasks)) seen.push(done.error?.name ?? done.value);
  assert.deepEqual(new Set(seen), new Set([1, 'OSError']));
  for await (const done of g.asCompleted([g.value(1)])) assert.equal(done.result(), 1);
  const told = [];
  await g.map('echo', [1, 2]).run({ onProgress: (progress) => told.push(progress) });
  assert.deepEqual(told.at(-1), { total: 2, done: 2, failed: 0 });
});

test('tasks', async () => {
  const task = await g.createTask(g.gather([g.call('fail')], { returnExceptions: true }), { name: 'mine' });
  assert.ok((await task.result())[0] instanceof Error);
  assert.equal((await task.status()).name, 'mine');
  await task.forget();
  const endless = await g.createTask(g.call('sleep', 3600));
  assert.equal((await g.waitTasks([endless], { timeout: 0 })).pending[0], endless);
  assert.equal(await endless.cancel('enough'), true);
  await assert.rejects(endless.result(), { name: 'CancelledError', message: 'enough' });
  assert.equal((await g.awaitTasks([endless], { returnExceptions: true }))[0].name, 'CancelledError');
});

test('Unix sockets, tokens and TLS', async () => {
  for (const [address, options] of [[UNIX_ADDRESS, {}], [TLS_ADDRESS, { caFile: CA_FILE }]]) {
    const client = await connect(address, { ...options, token: TOKEN });
    assert.equal(await client.call('add', 1, 2), 3);
    await client.close();
    await assert.rejects(connect(address, { ...options, token: 'another' }), NotPermitted);
  }
  await assert.rejects(connect(TLS_ADDRESS, { token: TOKEN }), ConnectionLost);
  for (const wrong of ['here', 'here:', ':1', 'here:0', 'here:99999', 'unix:']) await assert.rejects(connect(wrong), TypeError);
});

test('a request whose answer was lost is not sent again, but one that only asks is', async () => {
  const received = [];
  const server = net.createServer((socket) => socket.once('data', (data) => {
    const { id, method } = JSON.parse(data.toString());
    received.push(method);
    if (received.filter((name) => name === 'ping').length === 2) socket.write(JSON.stringify({ id, result: 'pong' }) + '\n');
    socket.end();
  }));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = await connect(`127.0.0.1:${server.address().port}`);
  await assert.rejects(client.call('add', 1).run(), ConnectionLost);
  assert.equal(await client.ping(), 'pong');
  assert.deepEqual(received, ['run', 'ping', 'ping']);
  await client.close();
  await assert.rejects(client.ping(), ConnectionLost);
  server.close();
});

test('closing ends what runs', async () => {
  const client = await connect(ADDRESS);
  const running = client.call('sleep', 3600).run();
  await untilItRuns(true);
  const lost = assert.rejects(running, ConnectionLost);
  await client.close();
  await lost;
  await untilItRuns(false);
});

test('required from CommonJS it is the same', () => {
  assert.equal(gatherd.connect, connect);
  assert.ok(OverLimit.prototype instanceof gatherd.GatherdError);
});
