<?php

// The trivial function for gearmand: gearman_worker.php PORT

declare(strict_types=1);

$worker = new GearmanWorker();
$worker->addServer('127.0.0.1', (int) $argv[1]);
$worker->addFunction('add_one', fn (GearmanJob $job): string => json_encode(json_decode($job->workload()) + 1));
while ($worker->work()) {
}
