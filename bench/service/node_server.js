// The same work in Node: Promise.all over functions that return promises.
// Usage: node node_server.js PORT_FILE
'use strict';
const fs = require('fs');
const net = require('net');
const {setTimeout: sleepFor} = require('timers/promises');

const functions = {
    noop: async () => null,
    sleep: async (delay, result = null) => sleepFor(delay * 1000, result),
};

async function answer(line) {
    const {id, method, params} = JSON.parse(line);
    const calls = method === 'map' ? params.over.map((args) => functions[params.call](...args))
                                   : params.tasks.map(({call, args = []}) => functions[call](...args));
    return JSON.stringify({jsonrpc: '2.0', id, result: await Promise.all(calls)}) + '\n';
}

const server = net.createServer({noDelay: true}, (socket) => {
    let pieces = [];  // of a line that has not ended
    let out = '';
    const send = (text) => {
        if (out === '') {
            setImmediate(() => {  // what is answered in one turn is one write
                socket.write(out);
                out = '';
            });
        }
        out += text;
    };
    socket.setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => {
        const lines = data.split('\n');
        for (const part of lines.slice(0, -1)) {
            pieces.push(part);
            answer(pieces.join('')).then(send);
            pieces = [];
        }
        if (lines.at(-1) !== '') {
            pieces.push(lines.at(-1));
        }
    });
});
server.listen({host: '127.0.0.1', port: 0, backlog: 4096},
              () => fs.writeFileSync(process.argv[2], `127.0.0.1:${server.address().port}\n`));
