<?php

declare(strict_types=1);

namespace Gatherd;

/**
 * One node of a plan, with all that is below it. A client runs it as one request: `$g->run(Plan::waitFor(Plan::call('f'), 2.0))`.
 */
class Plan
{
    /**
     * @param (\Closure(array): array)|array $write the TASK of the protocol, in a scope of names; an array where it is the same in each
     * @param mixed $shape how a result is read; null: as it is
     * @param ?\Closure(): array $streamed method and params, of a gather or map
     */
    private function __construct(private \Closure|array $write, private mixed $shape = null, private ?\Closure $streamed = null)
    {
    }

    /** The TASK of the protocol that this stands for. */
    public function toTask(): array
    {
        return $this->written([]);
    }

    private function written(array $scope): array
    {
        return is_array($this->write) ? $this->write : ($this->write)($scope);
    }

    /** A result of the protocol: the errors of returnExceptions become exceptions. */
    public function decode(mixed $result): mixed
    {
        return self::read($this->shape, $result);
    }

    /** @internal method and params of a gather or map */
    public function streamed(): array
    {
        return $this->streamed ? ($this->streamed)() : throw new \TypeError('only a gather or a map has children to stream');
    }

    /** @internal the end of one child */
    public function decodeChild(int $index, array $entry): mixed
    {
        return self::outcome(isset($this->shape['list']) ? $this->shape['list'][$index] : $this->shape['map'] ?? null, $entry);
    }

    // ---- the kinds

    /**
     * `await name(...args)`, by position or by name. A plan among the arguments, however deep, is run first: its result is passed. All else
     * is data: it is never run, whatever it looks like.
     */
    public static function call(string $name, mixed ...$args): self
    {
        if ($args && !array_is_list($args) && array_filter(array_keys($args), 'is_int')) {
            throw new \TypeError("$name(): arguments are given by position or by name, not both");
        }
        return new self(self::arePlain($args) ? ($args ? ['call' => $name, 'args' => $args] : ['call' => $name])
            : fn (array $scope) => ['call' => $name] + self::arguments('args', $args, $scope));
    }

    /** A value, not looked into. */
    public static function value(mixed $value): self
    {
        return new self(fn () => ['value' => self::data($value, 'value')]);
    }

    /** A plan of the protocol as it is. Never for JSON from others: it is run. */
    public static function fromTask(array $task): self
    {
        return new self($task);
    }

    /** `asyncio.gather`: results in order. At most `limit` children run at a time. @param iterable<Plan> $plans */
    public static function gather(iterable $plans, bool $returnExceptions = false, ?int $limit = null): self
    {
        [$children, $keys] = self::plans('gather', $plans);
        $options = self::given(['return_exceptions' => $returnExceptions ?: null, 'limit' => $limit]);
        $written = function (array $scope) use ($children): array {
            foreach ($children as &$child) {
                $child = is_array($child->write) ? $child->write : ($child->write)($scope);  // written(), ten thousand times
            }
            return $children;
        };
        return new self(
            fn (array $scope) => ['gather' => $written($scope)] + $options,
            self::listShape($children, $returnExceptions, $keys),
            fn () => ['gather', ['tasks' => $written([])] + $options],
        );
    }

    /**
     * `gather(map each over)`. `each` is a function's name, or a closure that makes the plan of an item. `over`: data, whose keys the
     * results have, or a plan that gives a list.
     */
    public static function map(string|\Closure $each, iterable|self $over, bool $returnExceptions = false, ?int $limit = null): self
    {
        $options = self::given(['return_exceptions' => $returnExceptions ?: null, 'limit' => $limit]);
        [$items, $keys] = $over instanceof self ? [$over, null] : self::entries($over);
        if (is_string($each) && !$over instanceof self) {
            return self::mapName($each, array_map(fn ($item) => [$item], $items), $keys, $options);
        }
        $binding = new \stdClass();
        $item = self::refTo('item', $binding, null);
        $body = self::plan('map: what its function returns', is_string($each) ? self::call($each, $item) : $each($item));
        $written = function (array $scope) use ($body, $binding, $items, $options) {
            [$inner, $name] = self::bind($scope, 'item', $binding);
            $over = $items instanceof self ? ['await' => $items->written($scope)] : self::data($items, 'map: over');
            return ['map' => $body->written($inner), 'as' => $name, 'over' => $over] + $options;
        };
        return new self(
            $written,
            self::mapShape($body->shape, $returnExceptions, $keys),
            function () use ($written) {
                $task = $written([]);
                return ['map', ['task' => $task['map']] + array_diff_key($task, ['map' => 0])];
            },
        );
    }

    /** As `map` with a function's name, where each item is an array of arguments, by position or by name. */
    public static function starmap(string $name, iterable|self $over, bool $returnExceptions = false, ?int $limit = null): self
    {
        $options = self::given(['return_exceptions' => $returnExceptions ?: null, 'limit' => $limit]);
        return self::mapName($name, ...($over instanceof self ? [$over, null] : self::entries($over)), options: $options);
    }

    private static function mapName(string $name, array|self $over, ?array $keys, array $options): self
    {
        $written = fn (array $scope) => ['map' => $name]
            + ($over instanceof self ? ['over' => ['await' => $over->written($scope)]] : self::arguments('over', $over, $scope)) + $options;
        return new self($written, self::mapShape(null, isset($options['return_exceptions']), $keys), function () use ($written) {
            $task = $written([]);
            $rest = array_diff_key($task, ['map' => 0, 'literal' => 0]);
            // `literal` is no parameter of the method; there the items of a map with a task are data.
            return ['map', isset($task['literal'])
                ? ['task' => ['call' => $task['map'], 'args' => ['ref' => 'item']], 'as' => 'item'] + $rest : ['call' => $task['map']] + $rest];
        });
    }

    /** `asyncio.TaskGroup`: a failure cancels the rest and raises an ExceptionGroup. @param iterable<Plan> $plans */
    public static function taskGroup(iterable $plans): self
    {
        return self::listed('task_group', $plans);
    }

    /** One after the other: the list of results. @param iterable<Plan> $plans */
    public static function sequence(iterable $plans): self
    {
        return self::listed('sequence', $plans);
    }

    private static function listed(string $kind, iterable $plans): self
    {
        [$children, $keys] = self::plans($kind, $plans);
        return new self(
            fn (array $scope) => [$kind => array_map(fn (Plan $plan) => $plan->written($scope), $children)],
            self::listShape($children, false, $keys),
        );
    }

    /** `asyncio.wait`: `['done' => [index => result or exception], 'pending' => [index..]]`. @param iterable<Plan> $plans */
    public static function wait(iterable $plans, ?float $timeout = null, ?string $returnWhen = null): self
    {
        [$children] = self::plans('wait', $plans);
        return new self(
            fn (array $scope) => ['wait' => array_map(fn (Plan $plan) => $plan->written($scope), $children)]
                + self::given(['timeout' => $timeout, 'return_when' => $returnWhen]),
            ['wait' => array_map(fn (Plan $plan) => $plan->shape, $children)],
        );
    }

    /** `asyncio.wait_for`: a TimeoutException after `timeout` seconds. */
    public static function waitFor(self $plan, float $timeout): self
    {
        return new self(fn (array $scope) => ['wait_for' => $plan->written($scope), 'timeout' => $timeout], $plan->shape);
    }

    /** The first to end, with its result or its exception; the rest are cancelled. @param iterable<Plan> $plans */
    public static function race(iterable $plans): self
    {
        [$children] = self::plans('race', $plans);
        return new self(fn (array $scope) => ['race' => array_map(fn (Plan $plan) => $plan->written($scope), $children)], self::common($children));
    }

    /**
     * The first success; the rest are cancelled. With `stagger` the next starts when one fails, or so many seconds later.
     * @param iterable<Plan> $plans
     */
    public static function any(iterable $plans, ?float $stagger = null): self
    {
        [$children] = self::plans('any', $plans);
        return new self(
            fn (array $scope) => ['any' => array_map(fn (Plan $plan) => $plan->written($scope), $children)] + self::given(['stagger' => $stagger]),
            self::common($children),
        );
    }

    public static function shield(self $plan): self
    {
        return new self(fn (array $scope) => ['shield' => $plan->written($scope)], $plan->shape);
    }

    /** Again after a failure, up to `attempts` times in all, `delay` seconds later, times `factor` each time. */
    public static function retry(self $plan, int $attempts, ?float $delay = null, ?float $factor = null, ?float $maxDelay = null): self
    {
        $options = self::given(['delay' => $delay, 'factor' => $factor, 'max_delay' => $maxDelay]);
        return new self(fn (array $scope) => ['retry' => $plan->written($scope), 'attempts' => $attempts] + $options, $plan->shape);
    }

    /** A call on a thread for calls that block. */
    public static function toThread(string $name, mixed ...$args): self
    {
        $called = self::call($name, ...$args);
        return new self(fn (array $scope) => ['to_thread' => $called->written($scope)]);
    }

    /** The if statement, by Python's truth. */
    public static function if(self $condition, self $then, ?self $else = null): self
    {
        return new self(
            fn (array $scope) => self::given(['if' => $condition->written($scope), 'then' => $then->written($scope),
                'else' => $else ? $else->written($scope) : null]),
            ($else?->shape) === $then->shape ? $then->shape : null,
        );
    }

    /**
     * Names tasks, each started once: `Plan::let(fn ($user) => Plan::gather([Plan::call('f', $user), Plan::call('h', $user)]), user: $load)`.
     */
    public static function let(self|\Closure $body, self ...$tasks): self
    {
        $bindings = array_map(fn () => new \stdClass(), $tasks);
        $refs = [];
        foreach ($tasks as $name => $plan) {
            if (!is_string($name)) {
                throw new \TypeError('let: its tasks are passed by name');
            }
            $refs[$name] = self::refTo($name, $bindings[$name], $plan->shape);
        }
        $inner = self::plan('let: its body', $body instanceof self ? $body : $body(...$refs));
        return new self(function (array $scope) use ($tasks, $bindings, $inner) {
            $named = [];
            foreach ($tasks as $name => $plan) {
                [$wider, $wire] = self::bind($scope, $name, $bindings[$name]);
                $named[$wire] = $plan->written($scope);
                $scope = $wider;
            }
            return ['let' => (object) $named, 'in' => $inner->written($scope)];
        }, $inner->shape);
    }

    /** The task of that name, of the innermost let that has it. */
    public static function ref(string $name): self
    {
        return new self(fn (array $scope) => self::wire($scope, fn (array $entry) => $entry[0] === $name, $name));
    }

    /**
     * The try statement. `except` is a plan, or a closure that makes one of the error; `types` are names of the types that it catches.
     * @param ?list<string> $types
     */
    public static function try(self $plan, self|\Closure|null $except = null, ?array $types = null, ?self $finally = null): self
    {
        $binding = new \stdClass();
        $handler = $except instanceof \Closure ? self::plan('try: except', $except(self::refTo('error', $binding, null))) : $except;
        return new self(function (array $scope) use ($plan, $except, $handler, $types, $finally, $binding) {
            [$inner, $name] = $except instanceof \Closure ? self::bind($scope, 'error', $binding) : [$scope, null];
            return self::given(['try' => $plan->written($scope), 'except' => $handler ? $handler->written($inner) : null, 'as' => $name,
                'types' => $types, 'finally' => $finally ? $finally->written($scope) : null]);
        }, $handler === null || $handler->shape === $plan->shape ? $plan->shape : null);
    }

    // ---- results

    private static function read(mixed $shape, mixed $value): mixed
    {
        if ($shape === null) {
            return $value;
        }
        if (isset($shape['wait'])) {
            $done = [];
            foreach ($value['done'] as $entry) {
                $done[$entry['index']] = self::outcome($shape['wait'][$entry['index']], $entry);
            }
            return ['done' => $done, 'pending' => $value['pending']];
        }
        $results = [];
        foreach ($value as $index => $item) {
            $inner = isset($shape['list']) ? $shape['list'][$index] : $shape['map'];
            $results[$shape['keys'][$index] ?? $index] = $shape['outcomes'] ? self::outcome($inner, $item) : self::read($inner, $item);
        }
        return $results;
    }

    private static function outcome(mixed $shape, array $entry): mixed
    {
        return isset($entry['error']) ? RemoteException::of($entry['error']) : self::read($shape, $entry['value']);
    }

    /** Of branches of which one runs. Where they differ the result is left as the daemon sent it. @param list<Plan> $plans */
    private static function common(array $plans): mixed
    {
        foreach ($plans as $plan) {
            if ($plan->shape !== $plans[0]->shape) {
                return null;
            }
        }
        return $plans[0]->shape ?? null;
    }

    /** @param list<Plan> $plans @param ?list<int|string> $keys */
    private static function listShape(array $plans, bool $outcomes, ?array $keys): ?array
    {
        $list = [];
        $isShaped = $outcomes || $keys;
        foreach ($plans as $plan) {
            $list[] = $plan->shape;
            $isShaped = $isShaped || $plan->shape !== null;
        }
        return $isShaped ? ['list' => $list, 'outcomes' => $outcomes, 'keys' => $keys] : null;
    }

    /** @param ?list<int|string> $keys */
    private static function mapShape(mixed $inner, bool $outcomes, ?array $keys): ?array
    {
        return $outcomes || $keys || $inner !== null ? ['map' => $inner, 'outcomes' => $outcomes, 'keys' => $keys] : null;
    }

    // ---- data: whatever the program puts into a plan that is no plan

    /** An only key that the daemon would run, or take for a name, if it looked into the object. */
    private static function dangerous(array $members): ?string
    {
        $key = count($members) === 1 ? (string) array_key_first($members) : null;
        return $key === 'await' || $key === 'ref' ? $key : null;
    }

    /**
     * Copies a value as JSON has it, so that what was looked at is what is sent.
     * @param ?\Closure(array, string): mixed $found what becomes of a dangerous object
     * @param \Closure(Plan): mixed $inside what becomes of a plan
     */
    private static function copy(mixed $value, ?\Closure $found, \Closure $inside): mixed
    {
        if ($value === null || is_scalar($value)) {
            return $value;
        }
        if ($value instanceof self) {
            return $inside($value);
        }
        if ($value instanceof \JsonSerializable) {
            return self::copy($value->jsonSerialize(), $found, $inside);
        }
        if ($value instanceof \BackedEnum) {
            return $value->value;
        }
        if (is_array($value) && array_is_list($value)) {
            return array_map(fn ($item) => self::copy($item, $found, $inside), $value);
        }
        if (!is_array($value) && !$value instanceof \stdClass) {
            throw new \TypeError(get_debug_type($value) . ' is no JSON');
        }
        $members = (array) $value;
        $key = self::dangerous($members);
        if ($key !== null && $found !== null) {
            $replaced = $found($members, $key);
            if ($replaced !== null) {
                return $replaced;
            }
        }
        return (object) array_map(fn ($item) => self::copy($item, $found, $inside), $members);
    }

    /** Whether arguments need no second look: by position, and nothing but scalars. */
    private static function arePlain(array $args): bool
    {
        if (!array_is_list($args)) {
            return false;  // one may be named await or ref
        }
        foreach ($args as $arg) {
            if ($arg !== null && !is_scalar($arg)) {
                return false;
            }
        }
        return true;
    }

    private static function data(mixed $value, string $place): mixed
    {
        return self::copy($value, null, fn () => throw new \TypeError("$place is data and cannot hold a plan"));
    }

    private static function arguments(string $member, array $given, array $scope): array
    {
        $hasPlans = false;
        $isDangerous = false;
        $written = self::copy($given, function () use (&$isDangerous) {
            $isDangerous = true;
            return null;
        }, function () use (&$hasPlans) {
            $hasPlans = true;
            return null;
        });
        if (!$hasPlans) {
            return $isDangerous ? [$member => $written, 'literal' => true] : [$member => $written];
        }
        if (!array_is_list($given) && self::dangerous($given) !== null) {
            throw new \TypeError("an only argument named '" . self::dangerous($given) . "' cannot hold a plan: pass it by position");
        }
        // Beside plans the whole of the arguments cannot be literal: each such object is.
        $wrap = fn (array $members, string $key) => ['await' => ['value' => self::data($members, "an object whose only key is '$key'")]];
        return [$member => self::copy($given, $wrap, fn (Plan $plan) => ['await' => $plan->written($scope)])];
    }

    // ---- names: a scope lists those in force, outermost first, as [name, binding, name in the plan]

    /** A name in force from here on. It is sent under another if an outer one of that name may be meant, too. */
    private static function bind(array $scope, string $name, object $binding): array
    {
        $taken = array_column($scope, 2);
        for ($wire = $name; in_array($wire, $taken, true); $wire .= '_') {
        }
        return [[...$scope, [$name, $binding, $wire]], $wire];
    }

    private static function refTo(string $name, object $binding, mixed $shape): self
    {
        return new self(fn (array $scope) => self::wire($scope, fn (array $entry) => $entry[1] === $binding, $name), $shape);
    }

    private static function wire(array $scope, \Closure $is, string $name): array
    {
        foreach (array_reverse($scope) as $entry) {
            if ($is($entry)) {
                return ['ref' => $entry[2]];
            }
        }
        throw new \LogicException("'$name' is used outside of the plan that binds it");
    }

    // ---- parameters

    /** @return array{list<Plan>, ?list<int|string>} the plans, and their keys if they have any */
    private static function plans(string $kind, iterable $plans): array
    {
        [$plans, $keys] = self::entries($plans);
        foreach ($plans as $index => $plan) {
            $plan instanceof self || self::plan($kind . '[' . ($keys[$index] ?? $index) . ']', $plan);
        }
        return [$plans, $keys];
    }

    private static function plan(string $place, mixed $plan): self
    {
        return $plan instanceof self ? $plan
            : throw new \TypeError("$place is to be a plan, not " . get_debug_type($plan) . '; data goes into Plan::value');
    }

    /** @return array{list<mixed>, ?list<int|string>} the items, and their keys if these are not those of a list */
    private static function entries(iterable $items): array
    {
        if (is_array($items)) {
            return [array_values($items), array_is_list($items) ? null : array_keys($items)];
        }
        $keyed = $listed = [];
        foreach ($items as $key => $item) {
            $listed[] = $item;
            if (is_int($key) || is_string($key)) {
                $keyed[$key] = $item;
            }
        }
        // A generator may give one key twice: such keys name no results.
        return [$listed, count($keyed) < count($listed) || array_is_list($keyed) ? null : array_keys($keyed)];
    }

    private static function given(array $options): array
    {
        return array_filter($options, fn ($value) => $value !== null);
    }
}
