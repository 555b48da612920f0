'use strict';
/** Plans: what the daemon is to do, as a tree that is sent whole. Pure: nothing here knows a connection. */
const { errorOf } = require('./errors.js');

/**
 * One node of a plan, with all that is below it. Lazy: it runs when it is awaited (or `run`), each time anew, as one request.
 * An async function that returns a plan runs it, as the language awaits whatever has a `then`.
 */
class Plan {
  constructor(write, shape, client, streamed) {
    Object.defineProperties(this, {
      write: { value: write }, shape: { value: shape }, client: { value: client }, streamed: { value: streamed },
    });
  }
  /** The TASK of the protocol that this stands for. */
  toTask() { return this.write([]); }
  /** A result of the protocol: the errors of returnExceptions become Error objects. */
  decode(result) { return decode(this.shape, result); }
  run(options) { return owner(this).run(this, options); }
  stream(options) { return owner(this).stream(this, options); }
  then(fulfilled, rejected) { return this.run().then(fulfilled, rejected); }
  catch(rejected) { return this.run().catch(rejected); }
  finally(ended) { return this.run().finally(ended); }
  toJSON() { throw new TypeError('a plan is no data: pass it as an argument of a call'); }
}

function owner(plan) {
  if (!plan.client) throw new TypeError('this plan belongs to no client: use client.run(plan)');
  return plan.client;
}

// ---- results

// A shape tells how a result is read; undefined: as it is. {list: [shape..], outcomes}, {map: shape, outcomes} or {wait: [shape..]}.
function decode(shape, value) {
  if (shape === undefined) return value;
  if (shape.list) return value.map((item, index) => (shape.outcomes ? outcome(shape.list[index], item) : decode(shape.list[index], item)));
  if (shape.wait) {
    const done = new Map(value.done.map((entry) => [entry.index, outcome(shape.wait[entry.index], entry)]));
    return { done, pending: value.pending };
  }
  return value.map((item) => (shape.outcomes ? outcome(shape.map, item) : decode(shape.map, item)));
}

function outcome(shape, entry) {
  return 'error' in entry ? errorOf(entry.error) : decode(shape, entry.value);
}

/** Of branches of which one runs. Where they differ the result is left as the daemon sent it. */
function common(...shapes) {
  return shapes.every((shape) => JSON.stringify(shape) === JSON.stringify(shapes[0])) ? shapes[0] : undefined;
}

function listShape(plans, outcomes) {
  const list = plans.map((plan) => plan.shape);
  return outcomes || list.some((shape) => shape !== undefined) ? { list, outcomes } : undefined;
}

// ---- data: whatever the program puts into a plan that is no plan

const planInside = Symbol('a plan is inside');

function looksLikePlan(keys) {
  return keys.length === 1 && (keys[0] === 'await' || keys[0] === 'ref');
}

/**
 * Copies a value as JSON has it, so that what was looked at is what is sent. `seen.dangerous` tells whether an object in it would be run,
 * or taken for a name, if the daemon looked into it. `plan` says what becomes of plans in it.
 */
function copy(value, seen, plan) {
  switch (typeof value) {
    case 'string': case 'boolean': return value;
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${value} is no JSON`);
      return value;
    case 'object': break;
    default: throw new TypeError(`${typeof value} is no JSON`);
  }
  if (value === null) return null;
  if (value instanceof Plan) return plan(value);
  if (typeof value.toJSON === 'function') return copy(value.toJSON(), seen, plan);
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return copy(value.valueOf(), seen, plan);
  if (value instanceof Map || value instanceof Set) throw new TypeError('a Map or Set is no JSON: use Object.fromEntries or Array.from');
  if (Array.isArray(value)) return Array.from(value, (item) => copy(item === undefined ? null : item, seen, plan));
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  const copied = Object.create(null); // so that the key __proto__ is one like others
  const danger = looksLikePlan(keys);
  if (danger && seen.wrap) {
    // Beside plans the whole of the arguments cannot be literal: this one object is.
    return { await: { value: copy(value, { dangerous: false }, () => {
      throw new TypeError(`an object whose only key is '${keys[0]}' cannot hold a plan`);
    }) } };
  }
  if (danger) seen.dangerous = true;
  for (const key of keys) copied[key] = copy(value[key], seen, plan);
  return copied;
}

function data(value, place) {
  return copy(value === undefined ? null : value, {}, () => { throw new TypeError(`${place} is data and cannot hold a plan`); });
}

function writeArguments(member, given, scope) {
  const seen = { dangerous: false };
  try {
    const written = copy(given, seen, () => { throw planInside; });
    return seen.dangerous ? { [member]: written, literal: true } : { [member]: written };
  } catch (thrown) {
    if (thrown !== planInside) throw thrown;
  }
  if (!Array.isArray(given) && looksLikePlan(Object.keys(given))) {
    throw new TypeError(`an only argument named '${Object.keys(given)[0]}' cannot hold a plan: pass it by position`);
  }
  return { [member]: copy(given, { wrap: true }, (plan) => ({ await: plan.write(scope) })) };
}

// ---- names: a scope lists those in force, outermost first, as {name, binding, wire}

/** A name in force from here on. It is sent under another if an outer one of that name may be meant, too. */
function bind(scope, name, binding) {
  let wire = name;
  while (scope.some((entry) => entry.wire === wire)) wire += '_';
  return [[...scope, { name, binding, wire }], wire];
}

function refTo(name, binding, shape, client) {
  return new Plan((scope) => {
    const found = scope.findLast ? scope.findLast((entry) => entry.binding === binding) : scope.slice().reverse().find((entry) => entry.binding === binding);
    if (!found) throw new TypeError(`'${name}' is used outside of the plan that binds it`);
    return { ref: found.wire };
  }, shape, client);
}

function plansOf(kind, plans) {
  if (plans === null || typeof plans !== 'object' || typeof plans[Symbol.iterator] !== 'function') throw new TypeError(`${kind} takes a list of plans`);
  return Array.from(plans, (plan, index) => planOf(`${kind}: [${index}]`, plan));
}

function planOf(place, plan) {
  if (!(plan instanceof Plan)) throw new TypeError(`${place} is to be a plan, not ${plan === null ? 'null' : typeof plan}; data goes into value(...)`);
  return plan;
}

function given(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== false));
}

/** The kinds of plans. A client has them as methods; `new Plans()` makes plans that belong to no client. */
class Plans {
  #made(write, shape, streamed) { return new Plan(write, shape, this.#owner(), streamed); }
  #owner() { return typeof this.request === 'function' ? this : undefined; }

  /** `await name(...args)`. A plan among the arguments, however deep, is run first: its result is passed. All else is data: it is
   * never run, whatever it looks like. */
  call(name, ...args) {
    return this.#made((scope) => (args.length ? { call: name, ...writeArguments('args', args, scope) } : { call: name }));
  }
  /** A call with its arguments by name. */
  callNamed(name, args) {
    if (args === null || typeof args !== 'object' || Array.isArray(args) || args instanceof Plan) throw new TypeError('callNamed takes an object of arguments');
    return this.#made((scope) => ({ call: name, ...writeArguments('args', args, scope) }));
  }
  /** A value, not looked into. */
  value(value) { return this.#made(() => ({ value: data(value, 'value') })); }
  /** A plan of the protocol as it is. Never for JSON from others: it is run. */
  fromTask(task) { return this.#made(() => ({ ...task })); }
  /** `asyncio.gather`: results in order. At most `limit` children run at a time. */
  gather(plans, { returnExceptions = false, limit } = {}) {
    const children = plansOf('gather', plans);
    const options = given({ return_exceptions: returnExceptions, limit });
    const written = (scope) => children.map((plan) => plan.write(scope));
    return this.#made((scope) => ({ gather: written(scope), ...options }), listShape(children, returnExceptions),
      () => ['gather', { tasks: written([]), ...options }]);
  }
  /** `gather(over.map(each))`. `each` is a function's name, or makes the plan of an item. `over`: data, or a plan that gives a list. */
  map(each, over, { returnExceptions = false, limit } = {}) {
    const options = given({ return_exceptions: returnExceptions, limit });
    if (typeof each === 'string' && !(over instanceof Plan)) return this.#mapName(each, Array.from(over, (item) => [item]), options);
    const binding = {};
    const item = refTo('item', binding, undefined, this.#owner());
    const body = planOf('map: what its function returns', typeof each === 'string' ? this.call(each, item) : each(item));
    const items = over instanceof Plan ? over : Array.from(over);
    const written = (scope) => {
      const [inner, name] = bind(scope, 'item', binding);
      return { map: body.write(inner), as: name, over: items instanceof Plan ? { await: items.write(scope) } : data(items, 'map: over'), ...options };
    };
    const shape = returnExceptions || body.shape !== undefined ? { map: body.shape, outcomes: returnExceptions } : undefined;
    return this.#made(written, shape, () => {
      const { map: task, ...rest } = written([]);
      return ['map', { task, ...rest }];
    });
  }
  /** As `map` with a function's name, where each item is a list of arguments, or an object of them by name. */
  starmap(name, over, { returnExceptions = false, limit } = {}) {
    return this.#mapName(name, over instanceof Plan ? over : Array.from(over), given({ return_exceptions: returnExceptions, limit }));
  }
  #mapName(name, over, options) {
    const written = (scope) => ({ map: name, ...(over instanceof Plan ? { over: { await: over.write(scope) } } : writeArguments('over', over, scope)), ...options });
    return this.#made(written, options.return_exceptions ? { map: undefined, outcomes: true } : undefined, () => {
      const { map: call, literal, ...rest } = written([]);
      // `literal` is no parameter of the method; there the items of a map with a task are data.
      return ['map', literal ? { task: { call, args: { ref: 'item' } }, as: 'item', ...rest } : { call, ...rest }];
    });
  }
  /** `asyncio.TaskGroup`: a failure cancels the rest and raises a GroupError. */
  taskGroup(plans) { return this.#listed('task_group', plans); }
  /** One after the other: the list of results. */
  sequence(plans) { return this.#listed('sequence', plans); }
  #listed(kind, plans) {
    const children = plansOf(kind, plans);
    return this.#made((scope) => ({ [kind]: children.map((plan) => plan.write(scope)) }), listShape(children, false));
  }
  /** `asyncio.wait`: `{done: Map of index to result or Error, pending: [index..]}`. */
  wait(plans, { timeout, returnWhen } = {}) {
    const children = plansOf('wait', plans);
    return this.#made((scope) => ({ wait: children.map((plan) => plan.write(scope)), ...given({ timeout, return_when: returnWhen }) }),
      { wait: children.map((plan) => plan.shape) });
  }
  /** `asyncio.wait_for`: a TimeoutError after `timeout` seconds. */
  waitFor(plan, timeout) {
    planOf('waitFor', plan);
    return this.#made((scope) => ({ wait_for: plan.write(scope), timeout }), plan.shape);
  }
  /** The first to end, with its result or its error; the rest are cancelled. */
  race(plans) {
    const children = plansOf('race', plans);
    return this.#made((scope) => ({ race: children.map((plan) => plan.write(scope)) }), common(...children.map((plan) => plan.shape)));
  }
  /** The first success; the rest are cancelled. With `stagger` the next starts when one fails, or so many seconds later. */
  any(plans, { stagger } = {}) {
    const children = plansOf('any', plans);
    return this.#made((scope) => ({ any: children.map((plan) => plan.write(scope)), ...given({ stagger }) }), common(...children.map((plan) => plan.shape)));
  }
  shield(plan) {
    planOf('shield', plan);
    return this.#made((scope) => ({ shield: plan.write(scope) }), plan.shape);
  }
  /** Again after a failure, up to `attempts` times in all, `delay` seconds later, times `factor` each time. */
  retry(plan, { attempts, delay, factor, maxDelay }) {
    planOf('retry', plan);
    return this.#made((scope) => ({ retry: plan.write(scope), attempts, ...given({ delay, factor, max_delay: maxDelay }) }), plan.shape);
  }
  /** A call on a thread for calls that block. */
  toThread(name, ...args) {
    const called = this.call(name, ...args);
    return this.#made((scope) => ({ to_thread: called.write(scope) }));
  }
  /** The if statement, by Python's truth. */
  if(condition, then, otherwise) {
    planOf('if: condition', condition);
    planOf('if: then', then);
    if (otherwise !== undefined) planOf('if: otherwise', otherwise);
    return this.#made((scope) => ({ if: condition.write(scope), then: then.write(scope), ...(otherwise ? { else: otherwise.write(scope) } : {}) }),
      common(then.shape, otherwise?.shape));
  }
  /** Names tasks, each started once: `g.let({user: g.call('load', 7)}, ({user}) => g.gather([g.call('f', user), g.call('h', user)]))`. */
  let(tasks, body) {
    const bindings = Object.entries(tasks).map(([name, plan]) => ({ name, plan: planOf(`let: ${name}`, plan), binding: {} }));
    const refs = Object.fromEntries(bindings.map(({ name, plan, binding }) => [name, refTo(name, binding, plan.shape, this.#owner())]));
    const inner = planOf('let: its body', typeof body === 'function' ? body(refs) : body);
    return this.#made((outer) => {
      let scope = outer;
      const named = Object.create(null);
      for (const { name, plan, binding } of bindings) {
        const [wider, wire] = bind(scope, name, binding);
        named[wire] = plan.write(scope);
        scope = wider;
      }
      return { let: named, in: inner.write(scope) };
    }, inner.shape);
  }
  /** The task of that name, of the innermost let that has it. */
  ref(name) {
    return this.#made((scope) => {
      const found = scope.slice().reverse().find((entry) => entry.name === name);
      if (!found) throw new TypeError(`no let around this binds '${name}'`);
      return { ref: found.wire };
    });
  }
  /** The try statement. `except` is a plan, or makes one of the error; `types` are names of the types that it catches. */
  try(plan, { except, types, finally: last } = {}) {
    planOf('try', plan);
    const binding = {};
    const named = typeof except === 'function';
    const handler = except === undefined ? undefined
      : planOf('try: except', named ? except(refTo('error', binding, undefined, this.#owner())) : except);
    if (last !== undefined) planOf('try: finally', last);
    return this.#made((scope) => {
      const written = { try: plan.write(scope) };
      if (handler) {
        const [inner, name] = named ? bind(scope, 'error', binding) : [scope, undefined];
        Object.assign(written, { except: handler.write(inner) }, given({ as: name }));
      }
      return Object.assign(written, given({ types, finally: last?.write(scope) }));
    }, handler ? common(plan.shape, handler.shape) : plan.shape);
  }
}

module.exports = { Plan, Plans, decode, outcome };
