'use strict';
/** Client of gatherd: asyncio.gather as a service. See README.md. */
const { Client, Completed, Task, connect } = require('./lib/client.js');
const { Plan, Plans } = require('./lib/plans.js');
const { ConnectionLost, GatherdError, GroupError, NoSuchTask, NotPermitted, OverLimit, Overloaded, PlanRefused, ProtocolError, RemoteError,
  ShuttingDown } = require('./lib/errors.js');

module.exports = {
  Client, Completed, ConnectionLost, GatherdError, GroupError, NoSuchTask, NotPermitted, OverLimit, Overloaded, Plan, PlanRefused, Plans,
  ProtocolError, RemoteError, ShuttingDown, Task, connect,
};
