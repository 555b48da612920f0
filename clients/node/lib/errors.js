'use strict';
/** What the daemon answers instead of a result, as errors. */

/** The daemon did not do what was asked: base of the errors that say so. */
class GatherdError extends Error {
  get name() { return this.constructor.name; }
}
/** The daemon, or what answered in its place, did not understand, or was not understood. */
class ProtocolError extends GatherdError {}
/** The plan is wrong; none of it has run. `path` is a JSON pointer into the request, `hint` may tell what is right. */
class PlanRefused extends GatherdError {}
/** Nothing was run; `retryAfter` seconds later there may be room. */
class Overloaded extends GatherdError {}
/** No token was shown, or one without the right to this. */
class NotPermitted extends GatherdError {}
/** The daemon takes no more work; nothing was run. */
class ShuttingDown extends GatherdError {}
/** `limit` names the setting that bounds this, `max` is its value. */
class OverLimit extends GatherdError {}
/** No task has this id, or its result is no longer kept. */
class NoSuchTask extends GatherdError {}
/** The connection ended before the answer came. The request may have run, so it is not sent again. */
class ConnectionLost extends GatherdError {}

/** What a plan raised. `name` is the type that the daemon tells, such as `ValueError`; `path` leads to the node that raised. */
class RemoteError extends Error {
  constructor(error) {
    super(String(error.message ?? ''));
    describe(this, error);
  }
}
/** What a task_group or any raised: `errors` are those of its children. A group that a worker raised comes without them. */
class GroupError extends AggregateError {
  constructor(error) {
    super((error.errors ?? []).map(errorOf), String(error.message ?? ''));
    describe(this, error);
  }
}

function describe(made, error) {
  const members = { name: String(error.type ?? 'RemoteError'), path: error.path, items: error.items, remoteTraceback: error.traceback };
  for (const [key, value] of Object.entries(members)) {
    if (value !== undefined) Object.defineProperty(made, key, { value, configurable: true, enumerable: key !== 'name', writable: true });
  }
}

/** The error that an ERROR of the protocol stands for. */
function errorOf(error) {
  if (error === null || typeof error !== 'object') return new ProtocolError(`not an error: ${JSON.stringify(error)}`);
  return error.type === 'ExceptionGroup' || error.type === 'BaseExceptionGroup' ? new GroupError(error) : new RemoteError(error);
}

const kinds = new Map([[-32602, PlanRefused], [-32003, Overloaded], [-32004, NotPermitted], [-32005, ShuttingDown], [-32006, OverLimit],
  [-32007, NoSuchTask]]);

/** The error that the member `error` of an answer stands for. */
function errorOfAnswer(error) {
  if (error === null || typeof error !== 'object') return new ProtocolError(`the answer holds no error: ${JSON.stringify(error)}`);
  const data = error.data !== null && typeof error.data === 'object' ? error.data : {};
  if (error.code === -32000 || error.code === -32001 || error.code === -32002) {
    const type = error.code === -32001 ? 'TimeoutError' : error.code === -32002 ? 'CancelledError' : 'RemoteError';
    return errorOf({ type, message: error.message, ...data });
  }
  const made = new (kinds.get(error.code) ?? ProtocolError)(String(error.message));
  made.code = error.code;
  if (data.path !== undefined) made.path = data.path;
  if (data.hint !== undefined) made.hint = data.hint;
  if (data.retry_after !== undefined) made.retryAfter = data.retry_after;
  if (data.limit !== undefined) made.limit = data.limit;
  if (data.max !== undefined) made.max = data.max;
  return made;
}

module.exports = { ConnectionLost, GatherdError, GroupError, NoSuchTask, NotPermitted, OverLimit, Overloaded, PlanRefused, ProtocolError,
  RemoteError, ShuttingDown, errorOf, errorOfAnswer };
