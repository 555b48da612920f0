// jayson over TCP: lines of JSON, one connection for each request.
"use strict";
const assert = require("node:assert/strict");
const { promisify } = require("node:util");
const jayson = require("jayson");

async function main(port) {
    // jayson's own version 2 sends "jsonrpc": "2.0"; it closes its sending side after the request.
    const client = jayson.Client.tcp({ host: "127.0.0.1", port });
    const call = promisify((method, params, done) => client.request(method, params, done));
    const send = promisify((batch, done) => client.request(batch, done));

    assert.equal((await call("ping", [])).result, "pong");
    assert.equal((await call("run", { task: { call: "add", args: [1, 2] } })).result, 3);
    assert.deepEqual((await call("gather", [[{ call: "sleep", args: [0.02, "a"] }, { call: "sleep", args: [0.01, "b"] }]])).result, ["a", "b"]);

    const failed = await call("run", [{ call: "fail", args: ["ValueError", "boom"] }]);
    assert.equal(failed.error.code, -32000);
    assert.deepEqual(failed.error.data, { type: "ValueError", message: "boom", path: "/0" });
    assert.equal((await call("no.such.method", [])).error.code, -32601);
    assert.equal((await call("run", { tsak: 1 })).error.code, -32602);

    const batch = [
        client.request("run", [{ value: 1 }], undefined, false),
        client.request("nothing", [], undefined, false),
        client.request("ping", [], null, false), // a notification
        client.request("run", [{ value: 2 }], undefined, false),
    ];
    const answers = await send(batch);
    assert.equal(answers.length, 3);
    const byId = new Map(answers.map((each) => [each.id, each]));
    assert.equal(byId.get(batch[0].id).result, 1);
    assert.equal(byId.get(batch[1].id).error.code, -32601);
    assert.equal(byId.get(batch[3].id).result, 2);

    const many = await Promise.all(Array.from({ length: 200 }, (_, i) => call("run", [{ value: i }])));
    assert.deepEqual(many.map((each) => each.result), Array.from({ length: 200 }, (_, i) => i));
}

main(Number(process.argv[2])).then(() => console.log("fine"));
