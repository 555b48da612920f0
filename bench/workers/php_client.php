<?php

// A gather through the package: php_client.php CALLS prints calls a second.

declare(strict_types=1);

require __DIR__ . '/autoload.php';

$calls = (int) $argv[1];
$g = new Gatherd\Client();
$run = function (int $calls) use ($g): float {
    $begin = hrtime(true);
    $plans = [];
    for ($i = 0; $i < $calls; ++$i) {
        $plans[] = $g->call('add_one', $i);
    }
    $results = $g->gather($plans);
    $took = (hrtime(true) - $begin) / 1e9;
    assert(count($results) === $calls && $results === range(1, $calls));
    return $took;
};
$run(intdiv($calls, 10));
printf("%f\n", $calls / $run($calls));
