// vscode-jsonrpc over a socket: Content-Length framing, notifications from the daemon, cancellation by its own tokens.
"use strict";
const assert = require("node:assert/strict");
const net = require("node:net");
const { once } = require("node:events");
const rpc = require("vscode-jsonrpc/node");

async function main(port) {
    const socket = net.connect(port, "127.0.0.1");
    await once(socket, "connect");
    const connection = rpc.createMessageConnection(new rpc.StreamMessageReader(socket), new rpc.StreamMessageWriter(socket));
    const told = [];
    for (const method of ["output", "completed", "progress"]) {
        connection.onNotification(method, (params) => told.push([method, params]));
    }
    connection.onError((error) => { throw error[0]; });
    connection.listen();

    assert.equal(await connection.sendRequest("ping"), "pong");
    assert.equal(await connection.sendRequest("run", { task: { call: "add", args: [1, 2] } }), 3);
    // Unicode counts as bytes in Content-Length, in both directions.
    assert.equal(await connection.sendRequest("run", { task: { call: "echo", args: ["Grüße, 世界 \u{1f600}"] } }), "Grüße, 世界 \u{1f600}");
    assert.deepEqual(
        await Promise.all(Array.from({ length: 500 }, (_, i) => connection.sendRequest("run", { task: { value: i } }))),
        Array.from({ length: 500 }, (_, i) => i));

    await assert.rejects(connection.sendRequest("run", { task: { call: "fail", args: ["KeyError", "k"] } }),
        (error) => error instanceof rpc.ResponseError && error.code === -32000 && error.data.type === "KeyError" && error.data.path === "/task");
    await assert.rejects(connection.sendRequest("none"), (error) => error.code === -32601);

    await connection.sendRequest("run", { task: { call: "print", args: ["hello"] } });
    const tasks = [{ call: "sleep", args: [0.02, "late"] }, { call: "fail", args: ["E", "e"] }];
    assert.deepEqual(await connection.sendRequest("gather", { tasks, return_exceptions: true, stream: true }), { completed: 1, failed: 1 });
    assert.deepEqual(told.map(([method, params]) => [method, params.text ?? params.index]), [["output", "hello"], ["completed", 1], ["completed", 0]]);

    connection.sendNotification("run", { task: { value: "nobody hears this" } });
    const { id } = await connection.sendRequest("create_task", { task: { call: "sleep", args: [60] } });
    assert.deepEqual(await connection.sendRequest("cancel", { id, message: "enough" }), { cancelled: 1 });
    await assert.rejects(connection.sendRequest("await", { id }), (error) => error.code === -32000 && error.message === "CancelledError: enough");

    connection.end();
    connection.dispose();
    socket.destroy();
}

main(Number(process.argv[2])).then(() => console.log("fine"));
