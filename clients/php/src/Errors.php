<?php

declare(strict_types=1);

namespace Gatherd;

/** The daemon did not do what was asked: base of the exceptions that say so, and of what a plan raised. */
class GatherdException extends \RuntimeException
{
}

/** The daemon, or what answered in its place, did not understand, or was not understood. */
final class ProtocolException extends GatherdException
{
}

/** The plan is wrong; none of it has run. `path` is a JSON pointer into the request, `hint` may tell what is right. */
final class PlanRefused extends GatherdException
{
    public ?string $path = null;
    public ?string $hint = null;
}

/** Nothing was run; `retryAfter` seconds later there may be room. */
final class Overloaded extends GatherdException
{
    public ?float $retryAfter = null;
}

/** No token was shown, or one without the right to this. */
final class NotPermitted extends GatherdException
{
}

/** The daemon takes no more work; nothing was run. */
final class ShuttingDown extends GatherdException
{
}

/** `limit` names the setting that bounds this, `max` is its value. */
final class OverLimit extends GatherdException
{
    public ?string $limit = null;
    public mixed $max = null;
}

/** No task has this id, or its result is no longer kept. */
final class NoSuchTask extends GatherdException
{
}

/** The connection ended before the answer came. The request may have run, so it is not sent again. */
final class ConnectionLost extends GatherdException
{
}

/** What a plan raised. `type` is Python's name of it, such as `ValueError`; `path` leads to the node that raised. */
class RemoteException extends GatherdException
{
    public readonly string $type;
    public readonly ?string $path;
    /** @var ?list<int> the index of the item in each map around that node, outermost first */
    public readonly ?array $items;
    public readonly ?string $remoteTraceback;
    /** @var list<RemoteException> of an ExceptionGroup */
    public readonly array $errors;

    /** @param array<string, mixed> $error an ERROR of the protocol */
    final public function __construct(array $error)
    {
        parent::__construct((string) ($error['message'] ?? ''));
        $this->type = (string) ($error['type'] ?? 'RemoteError');
        $this->path = isset($error['path']) ? (string) $error['path'] : null;
        $this->items = $error['items'] ?? null;
        $this->remoteTraceback = isset($error['traceback']) ? (string) $error['traceback'] : null;
        $this->errors = array_map(self::of(...), array_values($error['errors'] ?? []));
    }

    /** @param array<string, mixed> $error */
    public static function of(array $error): self
    {
        return match ($error['type'] ?? null) {
            'TimeoutError' => new TimeoutException($error),
            'CancelledError' => new CancelledException($error),
            default => new self($error),
        };
    }
}

final class TimeoutException extends RemoteException
{
}

final class CancelledException extends RemoteException
{
}
