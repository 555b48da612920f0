<?php

declare(strict_types=1);

namespace Gatherd;

/**
 * A worker: offers functions of a PHP program to plans, one call at a time.
 *
 *     Gatherd\Worker::serve(['resize' => fn (string $path, int $width = 800): array => [...]]);
 */
final class Worker
{
    private const MOST_MESSAGE = 16384;
    private const MOST_TRACE = 32768;
    private const STEADY = 10.0;
    private const LASTING = [-32602, -32004];  // errors of serve and auth: the functions are wrong or another's, or the token has no right to them

    private Connection $connection;
    private ?string $running = null;
    private static ?string $traceparent = null;
    private string $partial = '';
    private bool $isWriting = false;
    private bool $isRetired = false;
    private bool $mustRetire = false;

    /** @param array<string, array{run: \Closure, bind: \Closure}> $functions */
    private function __construct(private array $functions, private array $params, private ?string $token)
    {
    }

    /**
     * Serves functions until the daemon or SIGTERM ends it.
     *
     * @param array<string, callable|array> $functions by name: a callable, or an array with `run` and any of `summary`, `idempotent`,
     *     `timeout`. Parameters, types and defaults are read from the signature.
     * @param ?string $address as of Client; a process of a pool has a connection already
     */
    public static function serve(
        array $functions,
        ?string $address = null,
        #[\SensitiveParameter] ?string $token = null,
        ?string $tokenFile = null,
        ?string $name = null,
        ?string $version = null,
    ): void {
        [$known, $declared] = self::declare($functions);
        $params = array_filter(['functions' => $declared, 'concurrency' => 1, 'name' => $name ?? basename($_SERVER['argv'][0] ?? 'php'),
            'version' => $version], fn ($value) => $value !== null);
        $inherited = getenv('GATHERD_WORKER_FD');
        putenv('GATHERD_WORKER_FD');  // for the programs that it starts
        unset($_ENV['GATHERD_WORKER_FD'], $_SERVER['GATHERD_WORKER_FD']);
        $tokenFile ??= getenv('GATHERD_CONNECT_TOKEN_FILE') ?: null;
        if ($token === null && $tokenFile !== null) {
            $token = rtrim((string) fgets(fopen($tokenFile, 'r') ?: throw new \RuntimeException("cannot read $tokenFile")), "\r\n");
        }
        $worker = new self($known, $params, $inherited === false ? $token : null);
        $worker->watchSignals();
        if ($inherited !== false) {
            $stream = fopen("php://fd/$inherited", 'r+') ?: throw new \RuntimeException("there is no descriptor $inherited");
            $worker->serveOn(Connection::of($stream));
            return;
        }
        $address ??= getenv('GATHERD_CONNECT') ?: '127.0.0.1:7117';
        $tls = array_filter(['cafile' => getenv('GATHERD_CONNECT_TLS_CA'), 'local_cert' => getenv('GATHERD_CONNECT_TLS_CERTIFICATE'),
            'local_pk' => getenv('GATHERD_CONNECT_TLS_KEY')]);
        for ($delay = 0.1; !$worker->isRetired && !$worker->mustRetire; $delay = min(2 * $delay, 10.0)) {
            $since = microtime(true);
            try {
                $worker->serveOn(Connection::open($address, 10.0, false, null, $tls));
                $reason = 'the daemon closed the connection';
            } catch (ConnectionLost | ProtocolException $lost) {
                $reason = $lost->getMessage();
            }
            if ($worker->isRetired || $worker->mustRetire) {
                return;
            }
            $delay = microtime(true) - $since >= self::STEADY ? 0.1 : $delay;
            fwrite(STDERR, "gatherd: $address: $reason; trying again\n");
            usleep((int) ($delay * random_int(500, 1000) * 1000));
        }
    }

    /** Inside a call: the W3C traceparent of the request that it belongs to, if there is one. For headers of what the function calls. */
    public static function traceparent(): ?string
    {
        return self::$traceparent;
    }

    /** @return array{array<string, array>, list<array>} functions with how they are called, and what the daemon is told */
    private static function declare(array $functions): array
    {
        $known = $declared = [];
        foreach ($functions as $name => $offered) {
            $options = is_array($offered) && isset($offered['run']) ? $offered : ['run' => $offered];
            $run = \Closure::fromCallable($options['run']);
            unset($options['run']);
            if (!preg_match('/^[A-Za-z_][A-Za-z0-9_.]{0,127}$/D', (string) $name)) {
                throw new \InvalidArgumentException("a function's name is letters, digits, _ and ., up to 128: not '$name'");
            }
            $params = [];
            foreach ((new \ReflectionFunction($run))->getParameters() as $parameter) {
                $param = ['name' => $parameter->getName()];
                if ($parameter->isVariadic()) {
                    $param['variadic'] = true;
                } elseif ($parameter->isDefaultValueAvailable()) {
                    try {
                        $default = $parameter->getDefaultValue();
                        Connection::encode(['default' => $default]);
                        $param += is_object($default) ? ['optional' => true] : ['default' => $default];
                    } catch (\JsonException) {
                        $param['optional'] = true;
                    }
                }
                if ($parameter->hasType()) {
                    $param['type'] = (string) $parameter->getType();
                }
                $params[] = $param;
            }
            $known[$name] = ['run' => $run, 'variadic' => $params && isset(end($params)['variadic']) ? end($params)['name'] : null];
            $declared[] = ['name' => (string) $name, 'params' => $params] + $options;
        }
        return $known ? [$known, $declared] : throw new \InvalidArgumentException('there is no function to serve');
    }

    private function watchSignals(): void
    {
        if (function_exists('pcntl_async_signals')) {
            pcntl_async_signals(true);
            pcntl_signal(SIGTERM, function (): void {
                if (!isset($this->connection)) {
                    exit(0);
                }
                $this->mustRetire = true;
                if (!$this->isWriting) {
                    $this->retire();
                }
            }, false);
        }
    }

    /** Asks for no more calls: after the answer there come none. */
    private function retire(): void
    {
        $this->mustRetire = false;
        try {
            $this->write(['jsonrpc' => '2.0', 'id' => 'retire', 'method' => 'serve', 'params' => ['functions' => []]]);
        } catch (ConnectionLost) {
            $this->isRetired = true;
        }
    }

    private function write(array|string $message): void
    {
        $line = is_string($message) ? $message : Connection::encode($message);
        $this->isWriting = true;
        try {
            $this->connection->write($line);
        } finally {
            $this->isWriting = false;
        }
        if ($this->mustRetire) {
            $this->retire();
        }
    }

    private function serveOn(Connection $connection): void
    {
        $this->connection = $connection;
        // All that a call prints passes here, also what is left in the buffer when it ends.
        ob_start(function (string $text): string {
            if ($this->running === null) {
                return $text;
            }
            $lines = explode("\n", $this->partial . $text);
            $this->partial = array_pop($lines);
            foreach ($lines as $line) {
                $this->output($line);
            }
            return '';
        }, 1);
        try {
            if ($this->token !== null) {
                $this->write(['jsonrpc' => '2.0', 'id' => 'auth', 'method' => 'auth', 'params' => ['token' => $this->token]]);
            }
            $this->write(['jsonrpc' => '2.0', 'id' => 'serve', 'method' => 'serve', 'params' => $this->params]);
            while (!$this->isRetired) {
                if (!$connection->wait()) {
                    continue;
                }
                $message = $connection->read(null);
                if (($message['method'] ?? null) === 'invoke') {
                    $this->answer((string) $message['id'], $message['params']);
                } elseif (($message['id'] ?? null) === 'retire') {
                    $this->isRetired = true;
                } elseif (isset($message['error'])) {
                    self::refuse($message);
                }
            }
        } catch (ConnectionLost) {
        } finally {
            $this->running = self::$traceparent = null;
            ob_end_flush();
            $connection->close();
            unset($this->connection);  // for the handler of SIGTERM
        }
    }

    /** @throws PlanRefused where connecting again is of no use */
    private static function refuse(array $message): never
    {
        $text = (string) ($message['error']['message'] ?? '');
        if (in_array($message['id'] ?? null, ['auth', 'serve'], true) && in_array($message['error']['code'] ?? null, self::LASTING, true)) {
            throw new PlanRefused("the daemon refuses this worker: $text");
        }
        // Other errors are about one answer, such as one that is too large, or pass, such as too many connections.
        throw new ProtocolException("the daemon refuses a message: $text");
    }

    private function output(string $line): void
    {
        $this->write(['jsonrpc' => '2.0', 'method' => 'output', 'params' => ['request' => $this->running, 'text' => self::text($line)]]);
    }

    private function answer(string $id, array $params): void
    {
        $this->running = $id;
        self::$traceparent = $params['traceparent'] ?? null;
        $this->partial = '';
        try {
            $function = $this->functions[$params['call']] ?? throw new \OutOfBoundsException("this worker has no function '{$params['call']}'");
            $args = $params['args'] ?? [];
            if ($function['variadic'] !== null && isset($args[$function['variadic']]) && !array_is_list($args)) {
                $rest = (array) $args[$function['variadic']];
                unset($args[$function['variadic']]);
                $args = [...array_values($args), ...$rest];
            }
            $answer = Connection::encode(['jsonrpc' => '2.0', 'id' => $id, 'result' => ($function['run'])(...$args)]);
        } catch (\Throwable $thrown) {
            $type = (new \ReflectionClass($thrown))->getShortName();
            if (preg_match('/[\x00-\x1f\x7f]/', $type)) {
                $type = 'Exception'; // of an anonymous class: the daemon takes no type with control characters
            }
            $text = self::text(substr($thrown->getMessage(), 0, self::MOST_MESSAGE));
            $answer = Connection::encode(['jsonrpc' => '2.0', 'id' => $id, 'error' => ['code' => -32000, 'message' => $text === '' ? $type : "$type: $text",
                'data' => ['type' => $type, 'message' => $text, 'traceback' => self::text(substr((string) $thrown, 0, self::MOST_TRACE))]]]);
        }
        ob_flush();
        if ($this->partial !== '') {
            $this->output($this->partial);
        }
        $this->running = self::$traceparent = null;
        $this->write($answer);
    }

    /** Text as JSON takes it: what is not UTF-8 is replaced. */
    private static function text(string $text): string
    {
        return json_decode((string) json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE)) ?? '';
    }
}
