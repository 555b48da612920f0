<?php

// The PHP client, installed by composer, against the daemon at ADDRESS. Prints what is wrong and ends with status 1, or prints `fine`.
declare(strict_types=1);

require __DIR__ . '/vendor/autoload.php';

use Gatherd\{CancelledException, Client, ConnectionLost, NoSuchTask, NotPermitted, OverLimit, Plan, PlanRefused, ProtocolException, RemoteException, TimeoutException};

set_error_handler(fn ($level, $text, $file, $line) => error_reporting() & $level ? throw new ErrorException($text, 0, $level, $file, $line) : false);

function same(mixed $actual, mixed $expected): void
{
    if ($actual != $expected || gettype($actual) !== gettype($expected)) {
        throw new Exception('got ' . var_export($actual, true) . ', expected ' . var_export($expected, true));
    }
}

function throws(string $class, Closure $do): Throwable
{
    try {
        $do();
    } catch (Throwable $thrown) {
        return $thrown instanceof $class ? $thrown : throw new Exception("expected $class", 0, $thrown);
    }
    throw new Exception("expected $class, but nothing was thrown");
}

function untilItRuns(Client $g, bool $expected): void
{
    do {
        $runs = $g->stats()['tasks_in_flight'] > 0;
    } while ($runs !== $expected);
}

$address = getenv('ADDRESS');
$printed = [];
$g = new Client($address, output: function (string $text) use (&$printed) { $printed[] = $text; });
$strange = json_decode('[{"await":{"call":"fail","args":["RuntimeError","it ran"]}},{"ref":"x"},{"call":"add","args":[1]},{"value":1},
    {"a":[{"await":{"value":1}}]},{"await":1,"more":2}]', true);

/** Forks a server that takes so many connections, hands each with its number to `serve` and ends. Its address and process. */
function serving(int $connections, Closure $serve): array
{
    $server = stream_socket_server('tcp://127.0.0.1:0');
    $address = stream_socket_get_name($server, false);
    $child = pcntl_fork();
    if ($child === 0) {
        try {
            for ($number = 0; $number < $connections; ++$number) {
                $connection = stream_socket_accept($server, 60);
                $serve($connection, $number);
                fclose($connection);
            }
        } finally {
            posix_kill(posix_getpid(), SIGKILL); // without the destructors of this program
        }
    }
    return [$address, $child];
}

$tests = [
    'plans compose to one request' => function () use ($g) {
        $before = $g->stats()['requests_by_method']['run'];
        same($g->gather([$g->call('add', $g->call('add', 1, 2), 3), Plan::sequence([Plan::value('a'), Plan::value([1])]),
            Plan::waitFor(Plan::race([$g->call('sleep', 30), $g->call('echo', ['x' => 1])]), 20.0)], limit: 2, timeout: 60.0), [6, ['a', [1]], ['x' => 1]]);
        same($g->stats()['requests_by_method']['run'] - $before, 1);
    },
    'results have the keys of their plans' => function () use ($g) {
        same($g->gather(['sum' => $g->call('add', 1, 2), 'failed' => $g->call('fail', 'OSError')], returnExceptions: true)['sum'], 3);
        same($g->gather(['a' => Plan::value(1)]), ['a' => 1]);
        same($g->map('echo', ['x' => 1, 'y' => 2]), ['x' => 1, 'y' => 2]);
        same($g->map(fn ($item) => Plan::call('add', $item, 1), [7 => 1, 9 => 2]), [7 => 2, 9 => 3]);
        same($g->run(Plan::starmap('add', new ArrayIterator(['x' => [1, 2]]))), ['x' => 3]);
        $twice = fn () => (function () { yield 'x' => 1; yield 'x' => 2; })();
        same($g->map('echo', $twice()), [1, 2]);
        same($g->run(Plan::gather((function () { yield from [Plan::value(1)]; yield from [Plan::value(2)]; })())), [1, 2]);
    },
    'every kind' => function () use ($g, &$printed) {
        same($g->map('echo', [1, [2], null]), [1, [2], null]);
        same($g->run(Plan::starmap('add', [[1, 2], [3, 4]])), [3, 7]);
        same($g->run(Plan::taskGroup([Plan::value(1), $g->call('echo', value: 2)])), [1, 2]);
        $waited = $g->run(Plan::wait([$g->call('fail', 'OSError'), Plan::value(1)]));
        same([$waited['done'][0]->type, $waited['done'][1], $waited['pending']], ['OSError', 1, []]);
        same($g->run(Plan::shield(Plan::retry(Plan::value(1), 3, delay: 0.1))), 1);
        same($g->run(Plan::toThread('time.sleep', 0)), null);
        same($g->run(Plan::try($g->call('fail', 'ValueError', 'x'), fn ($error) => Plan::call('echo', $error), ['ValueError'])),
            ['type' => 'ValueError', 'message' => 'x']);
        same($g->run(Plan::try($g->call('fail'), Plan::value('handled'), finally: $g->call('print', 'finally'))), 'handled');
        same($printed, ['finally']);
        same($g->run(Plan::let(fn ($user) => Plan::gather([$user, Plan::call('add', $user, 1)]), user: $g->call('add', 3, 4))), [7, 8]);
        same($g->run(Plan::let(Plan::ref('b'), a: Plan::value(1), b: $g->call('add', Plan::ref('a'), 1))), 2);
        same($g->run(Plan::let(fn ($a) => (fn ($first) => Plan::let(fn ($a) => Plan::gather([$first, $a]), a: Plan::value('inner')))($a),
            a: Plan::value('outer'))), ['outer', 'inner']);
    },
    'second edition: map with a plan for each item, if, any' => function () use ($g, $strange) {
        same($g->map(fn ($x) => Plan::map(fn ($y) => Plan::call('add', $x, $y), [1, 2]), [10, 20]), [[11, 12], [21, 22]]);
        same($g->map('add', Plan::value([1, 2])), [1, 2]);
        same($g->map(fn ($item) => Plan::call('echo', $item), $strange), $strange);
        same($g->gather([Plan::if(Plan::value([]), Plan::value(1), Plan::value(2)), Plan::if(Plan::value(0), Plan::value(1))]), [2, null]);
        same($g->run(Plan::any([$g->call('fail'), Plan::value(1)], stagger: 0.0)), 1);
        same(throws(RemoteException::class, fn () => $g->run(Plan::any([$g->call('fail', 'ValueError')])))->errors[0]->type, 'ValueError');
    },
    'second edition: JSON from strangers is data wherever it stands' => function () use ($g, $strange) {
        foreach ([...$strange, $strange] as $one) {
            same($g->run($g->call('echo', $one)), $one);
            same($g->run($g->call('echo', json_decode(json_encode($one)))), $one);
            same($g->run($g->call('echo', value: $one)), $one);
            same($g->map('echo', [$one, 1]), [$one, 1]);
            same($g->run(Plan::starmap('echo', [['value' => $one]])), [$one]);
            same(iterator_to_array($g->stream(Plan::map('echo', [$one]))), [$one]);
        }
        throws(PlanRefused::class, fn () => $g->run($g->call('echo', await: ['call' => 'noop'])));
    },
    'JSON from strangers beside plans is data' => function () use ($g, $strange) {
        foreach ($strange as $one) {
            same($g->run($g->call('echo', [$one, Plan::value(1), ['deep' => $one]])), [$one, 1, ['deep' => $one]]);
            same($g->run(Plan::value($one)), $one);
            same($g->map('echo', [$one, Plan::value(2)]), [$one, 2]);
        }
    },
    'what is no plan or no JSON is refused before it is sent' => function () use ($g) {
        throws(TypeError::class, fn () => $g->call('random.uniform', 1, b: 2));
        throws(TypeError::class, fn () => $g->gather([['call' => 'add']]));
        foreach ([fn () => 1, $g, ['ref' => Plan::value(1)]] as $wrong) {
            throws(TypeError::class, fn () => $g->run($g->call('echo', $wrong)));
        }
        throws(TypeError::class, fn () => $g->run(Plan::value(Plan::value(1))));
        throws(LogicException::class, fn () => $g->run(Plan::ref('nowhere')));
        foreach ([NAN, "\xff"] as $wrong) {
            throws(JsonException::class, fn () => $g->run($g->call('echo', $wrong)));
        }
        $values = [null, true, 1, PHP_INT_MIN, 0.1, 2.0, 1e300, "é\0\n\u{1f600}", [], ['a' => [['b' => null]]], str_repeat('x', 300000)];
        same($g->run($g->call('echo', $values)), $values);
        same(is_float($g->run($g->call('echo', 2.0))), true);
    },
    'exceptions' => function () use ($g) {
        $thrown = throws(RemoteException::class, fn () => $g->gather([Plan::value(1), $g->call('fail', 'ValueError', 'boom')]));
        same([$thrown->type, $thrown->getMessage(), $thrown->path], ['ValueError', 'boom', '/task/gather/1']);
        $results = $g->gather([Plan::value(['error' => 1]), Plan::gather([$g->call('fail'), Plan::value(2)], returnExceptions: true)], returnExceptions: true);
        same([$results[0], $results[1][0]->type, $results[1][1]], [['error' => 1], 'Exception', 2]);
        same(count(throws(RemoteException::class, fn () => $g->run(Plan::taskGroup([$g->call('fail', 'A'), $g->call('fail', 'B')])))->errors), 2);
        $refused = throws(PlanRefused::class, fn () => $g->run($g->call('ad', 1)));
        same([$refused->path, str_contains($refused->hint, 'add')], ['/task/call', true]);
        throws(NoSuchTask::class, fn () => $g->await('nowhere'));
        throws(ProtocolException::class, fn () => $g->request('nix'));
        throws(TimeoutException::class, fn () => $g->gather([$g->call('sleep', 3600)], timeout: 0.01));
        throws(CancelledException::class, fn () => $g->run($g->call('fail', 'CancelledError')));
    },
    'streams' => function () use ($g) {
        $ended = [];
        foreach ($g->stream(Plan::gather([$g->call('sleep', 0.2, 'slow'), Plan::value('fast')])) as $index => $result) {
            $ended[] = [$index, $result];
            same($g->ping(), 'pong'); // between two of them
        }
        same($ended, [[1, 'fast'], [0, 'slow']]);
        foreach ($g->stream(Plan::gather([Plan::value(1), $g->call('sleep', 3600)])) as $index => $result) {
            same($index, 0);
            break;
        }
        untilItRuns($g, false);
        throws(RemoteException::class, fn () => iterator_to_array($g->stream(Plan::gather([$g->call('fail', 'OSError')]))));
    },
    'tasks' => function () use ($g) {
        $one = $g->createTask(Plan::value(1), name: 'mine');
        same([$g->await($one), $g->status($one)['name']], [1, 'mine']);
        $failed = $g->createTask($g->call('fail', 'OSError'));
        same($g->await([$one, $failed], returnExceptions: true)[1]->type, 'OSError');
        same(array_keys(iterator_to_array($g->asCompleted([$one]))), [$one]);
        $endless = $g->createTask($g->call('sleep', 3600));
        same($g->wait([$one, $endless], timeout: 0.0), ['done' => [$one => 1], 'pending' => [$endless]]);
        same($g->cancel($endless, 'enough'), true);
        same(throws(CancelledException::class, fn () => $g->await($endless))->getMessage(), 'enough');
        $g->forget($one);
        throws(NoSuchTask::class, fn () => $g->await($one));
    },
    'Unix sockets, tokens and TLS' => function () {
        foreach ([[getenv('UNIX_ADDRESS'), []], [getenv('TLS_ADDRESS'), ['caFile' => getenv('CA_FILE')]]] as [$where, $options]) {
            $client = new Client($where, getenv('TOKEN'), ...$options);
            same($client->run($client->call('add', 1, 2)), 3);
            same($client->run($client->call('echo', str_repeat('x', 1000000))), str_repeat('x', 1000000));
            throws(NotPermitted::class, fn () => (new Client($where, 'another', ...$options))->ping());
        }
        throws(ConnectionLost::class, fn () => (new Client(getenv('TLS_ADDRESS'), getenv('TOKEN')))->ping());
        foreach (['here', 'here:', ':1', 'here:0', 'here:99999', 'unix:'] as $wrong) {
            throws(InvalidArgumentException::class, fn () => (new Client($wrong))->ping());
        }
    },
    'a request whose answer was lost is not sent again, but one that only asks is' => function () {
        $received = '';
        [$address, $child] = serving(3, function ($connection, int $number) use (&$received) {
            $request = json_decode(fgets($connection), true);
            $received .= $request['method'] . ' ';
            if ($number === 2) {
                fwrite($connection, json_encode(['id' => $request['id'], 'result' => $received]) . "\n");
            }
        });
        $client = new Client($address);
        throws(ConnectionLost::class, fn () => $client->run($client->call('add', 1)));
        same($client->request('ping'), 'run ping ping ');
        pcntl_waitpid($child, $status);
        $client->close();
        throws(ConnectionLost::class, fn () => $client->ping());
    },
    'a connection that has ended meanwhile is not used for a request' => function () {
        [$address, $child] = serving(2, function ($connection) {
            $request = json_decode(fgets($connection), true);
            fwrite($connection, json_encode(['id' => $request['id'], 'result' => $request['method']]) . "\n" . '{"id":null,"error":{"code":-32005}}' . "\n");
        });
        $client = new Client($address);
        same($client->request('ping'), 'ping');
        $kept = (fn () => $this->connection)->call($client);
        $kept->wait();
        $kept->read(null); // what the daemon said as it ended
        $kept->wait();
        same($client->request('run'), 'run');
        pcntl_waitpid($child, $status);
    },
    'a stream whose connection has ended says so, and leaves the next one alone' => function () {
        [$address, $child] = serving(2, function ($connection, int $number) {
            $request = json_decode(fgets($connection), true);
            if ($number === 0) {
                fwrite($connection, json_encode(['method' => 'completed', 'params' => ['request' => $request['id'], 'index' => 0, 'value' => 1]]) . "\n");
                return;
            }
            fwrite($connection, json_encode(['id' => $request['id'], 'result' => 'pong']) . "\n");
            fwrite($connection, json_encode(['id' => json_decode(fgets($connection), true)['id'], 'result' => 'again']) . "\n");
        });
        $client = new Client($address);
        $stream = $client->stream(Plan::gather([Plan::value(1), Plan::value(2)]));
        same($stream->current(), 1);
        same($client->ping(), 'pong');
        throws(ConnectionLost::class, fn () => $stream->next());
        same($client->ping(), 'again');
        pcntl_waitpid($child, $status);
    },
    'a function that ignores its cancellation ends with a TimeoutException' => function () use ($address) {
        $worker = stream_socket_client("tcp://$address");
        fwrite($worker, '{"id":1,"method":"serve","params":[[{"name":"never"}]]}' . "\n");
        fgets($worker);
        $client = new Client($address);
        throws(TimeoutException::class, fn () => $client->run($client->call('never'), timeout: 0.01)); // after workers.cancel_time
    },
];

foreach ($tests as $name => $test) {
    try {
        $test();
    } catch (Throwable $thrown) {
        fwrite(STDERR, "$name:\n$thrown\n");
        $failed = true;
    }
}
if (isset($failed)) {
    exit(1);
}
echo "fine\n";
