/// \file
/// No-ops through gearmand, by its own client library: `work PORT` is a worker, `drive PORT BATCH CONNECTIONS SECONDS`
/// the load.
#include <libgearman-1.0/gearman.h>

#include <memory>
#include <string_view>

#include "bench/service/queue_load.hpp"

namespace {

using namespace gatherd::bench;

void* noop(gearman_job_st*, void*, std::size_t* size, gearman_return_t* how) {
    *size = 0;
    *how = GEARMAN_SUCCESS;
    return nullptr;
}

int work(int port) {
    gearman_worker_st* const worker = gearman_worker_create(nullptr);
    gearman_worker_add_server(worker, "127.0.0.1", static_cast<in_port_t>(port));
    gearman_worker_add_function(worker, "noop", 0, noop, nullptr);
    while (gearman_worker_work(worker) == GEARMAN_SUCCESS) {
    }
    return 1;
}

gearman_return_t count(gearman_task_st* task) {
    ++*static_cast<std::size_t*>(const_cast<void*>(gearman_task_context(task)));
    return GEARMAN_SUCCESS;
}

batch_runner connect(const queue_options& how) {
    const std::shared_ptr<gearman_client_st> client{gearman_client_create(nullptr), gearman_client_free};
    gearman_client_add_server(client.get(), "127.0.0.1", static_cast<in_port_t>(how.port));
    gearman_client_set_options(client.get(), GEARMAN_CLIENT_FREE_TASKS);
    gearman_client_set_complete_fn(client.get(), count);
    return [client, batch = how.batch] {
        std::size_t done = 0;
        for (std::size_t i = 0; i < batch; ++i) {
            gearman_return_t how_it_went;
            gearman_client_add_task(client.get(), nullptr, &done, "noop", nullptr, nullptr, 0, &how_it_went);
        }
        if (gearman_client_run_tasks(client.get()) != GEARMAN_SUCCESS || done != batch) {
            give_up("gearmand: " + std::string{gearman_client_error(client.get())});
        }
    };
}

}  // namespace

int main(int size, char** words) {
    if (size == 3 && std::string_view{words[1]} == "work") {
        return work(std::atoi(words[2]));
    }
    if (size != 6) {
        give_up("usage: queue_gearman work PORT | drive PORT BATCH CONNECTIONS SECONDS");
    }
    const auto how = queue_options::from(words);
    drive(how, [&](std::size_t) { return connect(how); });
}
