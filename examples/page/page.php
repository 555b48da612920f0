<?php

// A page made of what five services say. All are asked at the same time, and the page waits for none of them longer than
// DEADLINE. README.md says how to run it.

declare(strict_types=1);

require __DIR__ . '/vendor/autoload.php';

use Gatherd\Plan;

$services = getenv('SERVICES') ?: 'http://127.0.0.1:8000';
$deadline = (float) (getenv('DEADLINE') ?: 0.3);  // seconds

// What stands on the page for a service that fails or is late.
$fallbacks = ['account' => 'Sign in', 'cart' => 'Your cart', 'offers' => 'See all offers', 'news' => 'No news', 'weather' => ''];

$g = new Gatherd\Client(persistent: true);
$plans = [];
foreach ($fallbacks as $name => $fallback) {
    $answer = $g->call('http.get', url: "$services/$name", check: true);  // check: a status of 400 or more is an error
    $text = $g->call('operator.getitem', $answer, 'body');
    $plans[$name] = Plan::try(Plan::waitFor(Plan::retry($text, attempts: 2, delay: 0.02), $deadline), Plan::value($fallback));
}

echo "<!doctype html>\n<title>Five services</title>\n";
foreach ($g->gather($plans, timeout: $deadline + 1) as $name => $text) {
    printf("<section id=\"%s\">%s</section>\n", $name, htmlspecialchars($text));
}
