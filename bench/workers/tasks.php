<?php

// The trivial function, in a worker of the package.

declare(strict_types=1);

require __DIR__ . '/autoload.php';

Gatherd\Worker::serve(['add_one' => fn (int $number): int => $number + 1]);
