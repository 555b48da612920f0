<?php

declare(strict_types=1);

namespace Gatherd;

/**
 * Where the daemon is, and one connection to it: lines of JSON in both directions.
 * @internal
 */
final class Connection
{
    private const ENCODING = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR;
    private const DEPTH = 1024;

    /** @var array<int, true> persistent streams that a connection of this program uses */
    private static array $inUse = [];

    /** @param resource $stream */
    private function __construct(private $stream, public readonly bool $isReused)
    {
    }

    /**
     * @param ?string $token that the caller will show: a persistent stream on which another was shown is not given to one without
     * @param array<string, mixed> $tls options of PHP's context `ssl`
     * @throws ConnectionLost
     */
    public static function open(string $address, float $timeout, bool $persistent, ?string $token, array $tls): self
    {
        $isSecure = str_starts_with($address, 'tls:');
        $place = $isSecure ? substr($address, 4) : $address;
        $isLocal = str_starts_with($place, 'unix:') && strlen($place) > 5;
        if (!$isLocal && !(preg_match('/^(?:\[[^\]]+\]|[^:\[\]]+):(\d{1,5})$/', $place, $match) && $match[1] >= 1 && $match[1] <= 65535)) {
            throw new \InvalidArgumentException("not an address: '$address'; it is HOST:PORT, unix:/PATH or either behind tls:");
        }
        // Connected first and secured afterwards: PHP has no persistent stream of TLS over a Unix socket.
        $url = $isLocal ? 'unix://' . substr($place, 5) : "tcp://$place";
        $context = stream_context_create(['ssl' => $tls + ['peer_name' => $isLocal ? 'localhost' : trim((string) strstr($place, ':' . ($match[1] ?? ''), true), '[]')],
            'socket' => ['tcp_nodelay' => true]]);
        $persistent = $persistent && !$isSecure;
        $open = function (int $flags, string $url) use ($timeout, $context, $address) {
            $stream = @stream_socket_client($url, $number, $why, $timeout, STREAM_CLIENT_CONNECT | $flags, $context);
            return $stream ?: throw new ConnectionLost("no connection to $address: $why");
        };
        $stream = $open($persistent ? STREAM_CLIENT_PERSISTENT : 0, $persistent ? self::persistentUrl($url, $token) : $url);
        if ($persistent && isset(self::$inUse[get_resource_id($stream)])) {
            $stream = $open(0, $url);
            $persistent = false;
        }
        if ($isSecure) {
            stream_set_timeout($stream, (int) ceil($timeout));
            if (@stream_socket_enable_crypto($stream, true, STREAM_CRYPTO_METHOD_TLS_CLIENT) !== true) {
                fclose($stream);
                throw new ConnectionLost("no connection to $address: " . (error_get_last()['message'] ?? 'the TLS handshake failed'));
            }
        }
        // A stream that an earlier page of this process used has read or written something.
        $isReused = $persistent && ftell($stream) > 0;
        if ($persistent) {
            self::$inUse[get_resource_id($stream)] = true;
        }
        return new self($stream, $isReused);
    }

    /**
     * The same address in another spelling for each token, since PHP keeps persistent streams by their URL. A path of a Unix socket has no
     * room for a token, only for whether there is one; a client with a token shows it on a reused stream, too.
     */
    private static function persistentUrl(string $url, #[\SensitiveParameter] ?string $token): string
    {
        if (str_starts_with($url, 'tcp:')) {
            return $url . '/gatherd-' . substr(hash('sha256', (string) $token), 0, 16);
        }
        $path = substr($url, strlen('unix://'));
        return $token === null ? $url : 'unix://' . ($path[0] === '/' ? "/.$path" : "./$path");
    }

    /**
     * One that is there already: the inherited socket of a worker.
     * @param resource $stream
     */
    public static function of($stream): self
    {
        return new self($stream, false);
    }

    public static function encode(array $message): string
    {
        return json_encode($message, self::ENCODING, self::DEPTH) . "\n";
    }

    /** @throws ConnectionLost */
    public function write(string $line): void
    {
        $this->check();
        for ($length = strlen($line), $done = 0; $done < $length; $done += $count) {
            $count = @fwrite($this->stream, $done === 0 ? $line : substr($line, $done));
            if ($count === false || $count === 0) {
                throw new ConnectionLost('the daemon closed the connection');
            }
        }
    }

    /**
     * The next message; what is no JSON is skipped if `skips`. Null once the time is over.
     * @param ?float $deadline of microtime
     * @throws ConnectionLost
     */
    public function read(?float $deadline, bool $skips = false): ?array
    {
        $this->check();
        while (true) {
            $left = $deadline === null ? 1e6 : $deadline - microtime(true);
            if ($left <= 0) {
                return null;
            }
            stream_set_timeout($this->stream, (int) $left, (int) (fmod($left, 1) * 1e6));
            $line = @fgets($this->stream);
            if ($line === false || !str_ends_with($line, "\n")) {
                if (stream_get_meta_data($this->stream)['timed_out'] ?? false) {
                    if ($line !== false && $line !== '') {
                        throw new ConnectionLost('the time was over in the middle of an answer');
                    }
                    continue;
                }
                if (feof($this->stream) || ($line !== false && $line !== '')) {
                    throw new ConnectionLost('the daemon closed the connection');
                }
                continue; // a signal
            }
            try {
                $message = json_decode($line, true, self::DEPTH, JSON_THROW_ON_ERROR);
                if (is_array($message)) {
                    return $message;
                }
            } catch (\JsonException) {
            }
            if (!$skips) {
                throw new ProtocolException('what answers is no gatherd: ' . rtrim(substr($line, 0, 100)));
            }
        }
    }

    /**
     * Waits until there is something to read, or its end, at most so many seconds; false after these, and after a signal, which a read
     * would not notice.
     * @throws ConnectionLost
     */
    public function wait(?int $seconds = null): bool
    {
        $this->check();
        [$read, $write, $except] = [[$this->stream], null, null];
        return @stream_select($read, $write, $except, $seconds) > 0;
    }

    private function check(): void
    {
        is_resource($this->stream) || throw new ConnectionLost('the connection was closed');
    }

    public function close(): void
    {
        if (is_resource($this->stream)) {
            unset(self::$inUse[get_resource_id($this->stream)]);
            fclose($this->stream);
        }
    }

    /** Leaves a persistent stream to the next page; another ends. */
    public function leave(): void
    {
        unset(self::$inUse[get_resource_id($this->stream)]);
    }
}
