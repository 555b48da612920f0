<?php

declare(strict_types=1);

namespace Gatherd;

/**
 * A client that waits for its answers.
 *
 *     $g = new Gatherd\Client();
 *     [$sum, $page] = $g->gather([$g->call('add', 1, 2), $g->call('http.get', $url)], timeout: 2.0);
 *
 * A lost connection is made again by the next request. A request whose answer was lost with the connection throws ConnectionLost: it may
 * have run, so it is not repeated, unless it only asks (ping, info, functions, stats, status, tasks, workers, and awaiting tasks).
 */
final class Client
{
    private const REPEATABLE = ['ping', 'info', 'functions', 'stats', 'status', 'tasks', 'workers', 'await', 'wait'];
    private const MOST_TRIES = 5;
    // Seconds beyond a request's own timeout, after which the daemon is taken to be gone: more than it takes for a plan that ignores its
    // cancellation (workers.cancel_time, 5 s; limits.cleanup_time and limits.cleanup_rounds, 20 s together).
    private const GRACE = 30.0;
    private const REUSE_TIME = 1.0;  // seconds in which a reused connection has to answer

    private readonly string $address;
    private readonly ?string $token;
    private readonly array $tls;
    private readonly string $prefix;
    private int $count = 0;
    private ?Connection $connection = null;
    private bool $wasConnected = false;
    private bool $isClosed = false;
    /** @var array<string, list<array>> messages for requests that are not being waited for, by id */
    private array $received = [];

    /**
     * @param ?string $address `HOST:PORT`, `unix:/PATH`, or either behind `tls:`; without: GATHERD_CONNECT, else 127.0.0.1:7117
     * @param ?string $token what the daemon lets in; or `tokenFile`, whose first line it is (without: GATHERD_CONNECT_TOKEN_FILE)
     * @param bool $persistent whether the connection stays for the pages that this process answers next (not with TLS)
     * @param ?string $caFile for `tls:`, as `certificate` and `key`: PEM files. Without: GATHERD_CONNECT_TLS_CA, _TLS_CERTIFICATE, _TLS_KEY
     * @param ?string $serverName the name in the daemon's certificate, if it is not the host
     * @param float $connectTimeout seconds for one try to connect
     * @param float $reconnect seconds for which a lost connection is tried again; 0: never
     * @param ?\Closure(string): mixed $output gets each line that plans print; without: standard output
     */
    public function __construct(
        ?string $address = null,
        #[\SensitiveParameter] ?string $token = null,
        ?string $tokenFile = null,
        private readonly bool $persistent = false,
        ?string $caFile = null,
        ?string $certificate = null,
        ?string $key = null,
        ?string $serverName = null,
        private readonly float $connectTimeout = 10.0,
        private readonly float $reconnect = 10.0,
        private readonly ?\Closure $output = null,
    ) {
        $variable = fn (string $name) => getenv($name) ?: null;
        $this->address = $address ?? $variable('GATHERD_CONNECT') ?? '127.0.0.1:7117';
        $tokenFile ??= $variable('GATHERD_CONNECT_TOKEN_FILE');
        $this->token = $token ?? ($tokenFile === null ? null : self::firstLine($tokenFile));
        $this->tls = array_filter([
            'cafile' => $caFile ?? $variable('GATHERD_CONNECT_TLS_CA'), 'local_cert' => $certificate ?? $variable('GATHERD_CONNECT_TLS_CERTIFICATE'),
            'local_pk' => $key ?? $variable('GATHERD_CONNECT_TLS_KEY'), 'peer_name' => $serverName], fn ($value) => $value !== null);
        // Random, so that an answer to a request of an earlier page on the same connection is never taken for one of ours.
        $this->prefix = bin2hex(random_bytes(8)) . '-';
    }

    public function __destruct()
    {
        if ($this->persistent) {
            $this->connection?->leave();
        } else {
            $this->connection?->close();
        }
    }

    /** Closes the connection. The daemon cancels the tasks that are not detached. */
    public function close(): void
    {
        $this->isClosed = true;
        $this->connection?->close();
    }

    // ---- plans

    /** A call, to be given to `gather`, `run` and the functions of Plan. */
    public function call(string $name, mixed ...$args): Plan
    {
        return Plan::call($name, ...$args);
    }

    /** Runs a plan: its result. After `timeout` seconds TimeoutException. With `seed` it draws what CPython draws. */
    public function run(Plan $plan, ?float $timeout = null, ?int $seed = null): mixed
    {
        return $plan->decode($this->request('run', ['task' => $plan->toTask()] + self::given(['timeout' => $timeout, 'seed' => $seed]), $timeout));
    }

    /**
     * Runs plans at once: their results, in order and with the keys of `plans`. With `returnExceptions` a failure is an exception in its
     * place, else it is thrown, and the rest are cancelled.
     * @param iterable<Plan> $plans
     */
    public function gather(iterable $plans, bool $returnExceptions = false, ?int $limit = null, ?float $timeout = null, ?int $seed = null): array
    {
        return $this->run(Plan::gather($plans, $returnExceptions, $limit), $timeout, $seed);
    }

    /** Runs a function, or the plan that a closure makes, for each item: `$g->map('resize', $paths, limit: 8)`. */
    public function map(
        string|\Closure $each,
        iterable|Plan $over,
        bool $returnExceptions = false,
        ?int $limit = null,
        ?float $timeout = null,
        ?int $seed = null,
    ): array {
        return $this->run(Plan::map($each, $over, $returnExceptions, $limit), $timeout, $seed);
    }

    /**
     * The children of a gather or map as they end: their index with their result, or exception if the plan has returnExceptions. Leaving the
     * loop early cancels the rest.
     * @return \Generator<int, mixed>
     */
    public function stream(Plan $plan, ?float $timeout = null): \Generator
    {
        [$method, $params] = $plan->streamed();
        foreach ($this->follow($method, $params + self::given(['stream' => true, 'timeout' => $timeout]), $timeout) as $told) {
            if (!isset($told['error']) || isset($params['return_exceptions'])) {
                yield $told['index'] => $plan->decodeChild($told['index'], $told);
            }
        }
    }

    // ---- tasks

    /** Starts a plan and returns its id at once. It ends with this connection unless `detach`; its result is kept for `keep` seconds. */
    public function createTask(
        Plan $plan,
        ?string $name = null,
        ?float $timeout = null,
        ?int $seed = null,
        bool $detach = false,
        ?float $keep = null,
    ): string {
        return $this->request('create_task', ['task' => $plan->toTask()] + self::given(['name' => $name, 'timeout' => $timeout, 'seed' => $seed,
            'detach' => $detach ?: null, 'keep' => $keep]))['id'];
    }

    /** The result of a task, once it has ended; of several a list, with `returnExceptions` exceptions in it. @param string|list<string> $id */
    public function await(string|array $id, bool $returnExceptions = false, ?float $timeout = null): mixed
    {
        $asked = is_string($id) ? ['id' => $id] : ['ids' => array_values($id)];
        $result = $this->request('await', $asked + self::given(['return_exceptions' => $returnExceptions ?: null, 'timeout' => $timeout]), $timeout);
        return is_array($id) && $returnExceptions
            ? array_map(fn (array $entry) => isset($entry['error']) ? RemoteException::of($entry['error']) : $entry['value'], $result) : $result;
    }

    /** `asyncio.wait`: `['done' => [id => result or exception], 'pending' => [id..]]`. @param list<string> $ids */
    public function wait(array $ids, ?string $returnWhen = null, ?float $timeout = null): array
    {
        $answer = $this->request('wait', ['ids' => $ids] + self::given(['return_when' => $returnWhen, 'timeout' => $timeout]), $timeout);
        $done = [];
        foreach ($answer['done'] as $entry) {
            $done[$entry['id']] = isset($entry['error']) ? RemoteException::of($entry['error']) : $entry['value'];
        }
        return ['done' => $done, 'pending' => $answer['pending']];
    }

    /** Tasks as they end: id with result or exception. @param list<string> $ids @return \Generator<string, mixed> */
    public function asCompleted(array $ids, ?float $timeout = null): \Generator
    {
        foreach ($this->follow('as_completed', ['ids' => $ids] + self::given(['timeout' => $timeout]), $timeout) as $told) {
            yield $told['id'] => isset($told['error']) ? RemoteException::of($told['error']) : $told['value'];
        }
    }

    /** Asks a task to end; whether it had not ended yet. */
    public function cancel(string $id, ?string $message = null): bool
    {
        return $this->request('cancel', ['id' => $id] + self::given(['message' => $message]))['cancelled'] > 0;
    }

    public function status(string $id): array
    {
        return $this->request('status', ['id' => $id]);
    }

    public function forget(string $id): void
    {
        $this->request('forget', ['id' => $id]);
    }

    public function tasks(?string $state = null, ?int $limit = null): array
    {
        return $this->request('tasks', self::given(['state' => $state, 'limit' => $limit]));
    }

    // ---- what the daemon tells

    public function ping(): string
    {
        return $this->request('ping');
    }

    public function info(): array
    {
        return $this->request('info');
    }

    public function functions(): array
    {
        return $this->request('functions');
    }

    public function stats(): array
    {
        return $this->request('stats');
    }

    public function workers(): array
    {
        return $this->request('workers');
    }

    // ---- requests

    /** Any method of the protocol. @param array<string, mixed> $params */
    public function request(string $method, array $params = [], ?float $timeout = null): mixed
    {
        for ($tries = 1; ; ++$tries) {
            $connection = $this->ready();
            try {
                return $this->ask($connection, $method, $params, self::patience($timeout));
            } catch (ConnectionLost $lost) {
                if (!in_array($method, self::REPEATABLE, true) || $tries === self::MOST_TRIES) {
                    throw $lost;
                }
            }
        }
    }

    /** @param ?float $patience seconds to wait for the answer */
    private function ask(Connection $connection, string $method, array $params, ?float $patience, bool $skips = false): mixed
    {
        foreach ($this->exchange($connection, $method, $params, $patience, $skips) as $message) {
            if (!isset($message['method'])) {
                return self::result($message);
            }
        }
        throw new \LogicException('not reached');
    }

    /** The notifications `completed` of a request, until its answer. */
    private function follow(string $method, array $params, ?float $timeout): \Generator
    {
        foreach ($this->exchange($this->ready(), $method, $params, self::patience($timeout)) as $message) {
            if (!isset($message['method'])) {
                self::result($message);
            } elseif ($message['method'] === 'completed') {
                yield $message['params'];
            }
        }
    }

    /** Sends a request: the messages that belong to it, its answer last. One that is left before its answer is cancelled. */
    private function exchange(Connection $connection, string $method, array $params, ?float $patience, bool $skips = false): \Generator
    {
        $id = $this->prefix . ++$this->count;
        $line = Connection::encode(['jsonrpc' => '2.0', 'id' => $id, 'method' => $method, 'params' => (object) $params]);
        $deadline = $patience === null ? null : microtime(true) + $patience;
        $this->received[$id] = [];
        $isEnded = false;
        try {
            $connection->write($line);
            while (true) {
                while ($this->received[$id] === []) {
                    $this->sort($connection->read($deadline, $skips) ?? throw new ConnectionLost('no answer in time'));
                }
                $message = array_shift($this->received[$id]);
                $isEnded = !isset($message['method']);
                yield $message;
                if ($isEnded) {
                    return;
                }
            }
        } catch (ConnectionLost | ProtocolException $broken) {
            $isEnded = true;
            $connection->close();
            throw $broken;
        } finally {
            unset($this->received[$id]);
            if (!$isEnded && $this->connection === $connection) {
                try {
                    $connection->write(Connection::encode(['jsonrpc' => '2.0', 'method' => 'cancel', 'params' => ['request' => $id]]));
                } catch (ConnectionLost) {
                    $connection->close();
                }
            }
        }
    }

    /** Puts a message where its request finds it. What belongs to a request of an earlier page, or to one that was left, is dropped. */
    private function sort(array $message): void
    {
        if (isset($message['method'])) {
            $params = $message['params'] ?? [];
            $id = $params['request'] ?? null;
            if ($message['method'] === 'output') {
                if (isset($params['task']) || (is_string($id) && isset($this->received[$id]))) {
                    $this->output === null ? print($params['text'] . "\n") : ($this->output)($params['text']);
                }
                return;
            }
        } else {
            $id = $message['id'] ?? null;
            if ($id === null && isset($message['error']) && count($this->received) === 1) {
                $id = array_key_first($this->received); // an error of the message itself, such as its size
            }
        }
        if (is_string($id) && isset($this->received[$id])) {
            $this->received[$id][] = $message;
        }
    }

    private static function result(array $message): mixed
    {
        if (array_key_exists('result', $message)) {
            return $message['result'];
        }
        $error = $message['error'] ?? [];
        [$code, $text, $data] = [$error['code'] ?? 0, (string) ($error['message'] ?? ''), $error['data'] ?? []];
        $types = [-32000 => 'RemoteError', -32001 => 'TimeoutError', -32002 => 'CancelledError'];
        if (isset($types[$code])) {
            throw RemoteException::of($data + ['type' => $types[$code], 'message' => $text]);
        }
        $made = match ($code) {
            -32602 => new PlanRefused($text, $code),
            -32003 => new Overloaded($text, $code),
            -32004 => new NotPermitted($text, $code),
            -32005 => new ShuttingDown($text, $code),
            -32006 => new OverLimit($text, $code),
            -32007 => new NoSuchTask($text, $code),
            default => new ProtocolException($text, $code),
        };
        if ($made instanceof PlanRefused) {
            [$made->path, $made->hint] = [$data['path'] ?? null, $data['hint'] ?? null];
        } elseif ($made instanceof Overloaded) {
            $made->retryAfter = isset($data['retry_after']) ? (float) $data['retry_after'] : null;
        } elseif ($made instanceof OverLimit) {
            [$made->limit, $made->max] = [$data['limit'] ?? null, $data['max'] ?? null];
        }
        throw $made;
    }

    // ---- the connection

    private function ready(): Connection
    {
        if ($this->isClosed) {
            throw new ConnectionLost('the client was closed');
        }
        if ($this->connection !== null && $this->isSound($this->connection)) {
            return $this->connection;
        }
        $deadline = microtime(true) + ($this->wasConnected ? $this->reconnect : 0.0);
        for ($delay = 0.05; ; $delay = min(2 * $delay, 2.0)) {
            try {
                $this->connection = $this->connect();
                $this->wasConnected = true;
                return $this->connection;
            } catch (ConnectionLost | Overloaded $failure) {
                $pause = $delay * random_int(500, 1000) / 1000;
                if (microtime(true) + $pause > $deadline) {
                    throw $failure;
                }
                usleep((int) ($pause * 1e6));
            }
        }
    }

    /** Whether a connection that was kept has not ended meanwhile. So a request that is sent on it is not lost for no need. */
    private function isSound(Connection $connection): bool
    {
        try {
            while ($connection->wait(0)) {
                // What has come belongs to requests that others wait for, or that were left; the end throws.
                $message = $connection->read(microtime(true) + self::REUSE_TIME);
                if ($message === null) {
                    break;  // TLS has sent something of its own
                }
                $this->sort($message);
            }
            return true;
        } catch (ConnectionLost | ProtocolException) {
            $connection->close();
            return false;
        }
    }

    private function connect(): Connection
    {
        while (true) {
            $connection = Connection::open($this->address, $this->connectTimeout, $this->persistent, $this->token, $this->tls);
            if (!$connection->isReused && $this->token === null) {
                return $connection;
            }
            try {
                // An earlier page may have left half a request or half an answer on a reused connection: nothing is sent on it before it has
                // answered this. On a Unix socket it may have shown another token.
                [$method, $params] = $this->token === null ? ['ping', []] : ['auth', ['token' => $this->token]];
                $this->ask($connection, $method, $params, $connection->isReused ? self::REUSE_TIME : $this->connectTimeout,
                    $connection->isReused);
                return $connection;
            } catch (GatherdException $failure) {
                $connection->close();
                if (!$connection->isReused) {
                    throw $failure;
                }
            }
        }
    }

    private static function patience(?float $timeout): ?float
    {
        return $timeout === null ? null : max(0.0, $timeout) + self::GRACE;
    }

    private static function firstLine(string $path): string
    {
        $token = rtrim((string) fgets(fopen($path, 'r') ?: throw new \RuntimeException("cannot read $path")), "\r\n");
        return $token !== '' ? $token : throw new \RuntimeException("$path holds no token");
    }

    private static function given(array $options): array
    {
        return array_filter($options, fn ($value) => $value !== null);
    }
}
