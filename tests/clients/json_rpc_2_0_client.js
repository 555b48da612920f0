// json-rpc-2.0, which leaves the transport to its user: lines over one socket, everything in flight at once.
"use strict";
const assert = require("node:assert/strict");
const net = require("node:net");
const readline = require("node:readline");
const { JSONRPCClient, JSONRPCServer, JSONRPCServerAndClient } = require("json-rpc-2.0");

async function main(port) {
    const socket = net.connect(port, "127.0.0.1");
    const peer = new JSONRPCServerAndClient(
        new JSONRPCServer(),
        new JSONRPCClient((request) => { socket.write(JSON.stringify(request) + "\n"); }));
    const lines = [];
    peer.addMethod("output", ({ text }) => lines.push(text));
    readline.createInterface({ input: socket }).on("line", (line) => peer.receiveAndSend(JSON.parse(line)));

    assert.equal(await peer.request("ping"), "pong");
    assert.equal(await peer.request("run", [{ call: "add", args: [20, 22] }]), 42);
    const order = [];
    await Promise.all([["slow", 0.1], ["fast", 0.01]].map(([name, delay]) =>
        peer.request("run", [{ call: "sleep", args: [delay, name] }]).then((result) => order.push(result))));
    assert.deepEqual(order, ["fast", "slow"]);

    await peer.request("run", [{ sequence: [{ call: "print", args: ["one"] }, { call: "print", args: ["two"] }] }]);
    assert.deepEqual(lines, ["one", "two"]);
    await assert.rejects(peer.request("run", [{ call: "fail", args: ["ValueError", "boom"] }]),
        (error) => error.code === -32000 && error.message === "ValueError: boom");
    peer.notify("run", [{ value: 1 }]);

    const batch = [1, 2, 3].map((n) => ({ jsonrpc: "2.0", id: `b${n}`, method: n === 2 ? "none" : "run", params: [{ value: n }] }));
    const answers = await peer.client.requestAdvanced(batch);
    assert.deepEqual(answers.map(({ id, result, error }) => [id, result ?? error.code]).sort(), [["b1", 1], ["b2", -32601], ["b3", 3]]);
    socket.end();
}

main(Number(process.argv[2])).then(() => console.log("fine"));
