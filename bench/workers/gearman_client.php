<?php

// So many tasks at once through gearmand: gearman_client.php PORT CALLS prints calls a second.

declare(strict_types=1);

[, $port, $calls] = array_map(intval(...), $argv);
$client = new GearmanClient();
$client->addServer('127.0.0.1', $port);
$results = [];
$client->setCompleteCallback(function (GearmanTask $task) use (&$results): void {
    $results[$task->unique()] = json_decode($task->data());
});
$run = function (int $calls) use ($client, &$results): float {
    $results = [];
    $begin = hrtime(true);
    for ($i = 0; $i < $calls; ++$i) {
        $client->addTask('add_one', json_encode($i), null, (string) $i);
    }
    if (!$client->runTasks()) {
        throw new RuntimeException($client->error());
    }
    $took = (hrtime(true) - $begin) / 1e9;
    ksort($results);
    if (array_values($results) !== range(1, $calls)) {
        throw new RuntimeException('a wrong result');
    }
    return $took;
};
$run(intdiv($calls, 10));
printf("%f\n", $calls / $run($calls));
