<?php

// The package of clients/php, as it lies there.

declare(strict_types=1);

spl_autoload_register(function (string $class): void {
    require dirname(__DIR__, 2) . '/clients/php/src/' . substr($class, strlen('Gatherd\\')) . '.php';
});
