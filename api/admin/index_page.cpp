#include "api/admin/index_page.hpp"

namespace gatherd::api::admin {
namespace {

constexpr const char* page_text = R"(<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>gatherd</title></head>
<body>
<h1>gatherd</h1>
<dl>
<dt><a href="/healthz">/healthz</a></dt><dd>200 while a task passes through the executor within 5 s, else 503</dd>
<dt><a href="/readyz">/readyz</a></dt><dd>200 when it takes work; 503 while it starts or drains, or a pool does not serve</dd>
<dt><a href="/metrics">/metrics</a></dt><dd>for Prometheus</dd>
<dt><a href="/stats">/stats</a></dt><dd>counters as JSON</dd>
<dt><a href="/tasks">/tasks</a>, /tasks/ID</dt><dd>created tasks; <a href="/tasks?running=1">?running=1</a>: requests that run, too</dd>
<dt><a href="/debug/tasks">/debug/tasks</a></dt><dd>what each task of the executor waits for</dd>
<dt><a href="/events">/events</a></dt><dd>server-sent events: a snapshot each second; ?task=ID: what becomes of that task, too</dd>
<dt>POST /rpc</dt><dd>one JSON-RPC message or batch, as application/json</dd>
</dl>
</body>
</html>
)";

}  // namespace

http_answer index_page() {
    return {.status = 200,
            .type = "text/html; charset=utf-8",
            .body = page_text,
            .headers = {{"Content-Security-Policy",
                         "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
                        {"X-Frame-Options", "DENY"},
                        {"Referrer-Policy", "no-referrer"}}};
}

}  // namespace gatherd::api::admin
