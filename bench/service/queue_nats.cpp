/// \file
/// No-ops through NATS request and reply, by its C client: workers share a queue group. `work PORT BATCH` is a worker,
/// `drive PORT BATCH CONNECTIONS SECONDS` the load: the requests of a batch are published with one inbox for the
/// replies.
#include <nats/nats.h>

#include <memory>
#include <string_view>

#include "bench/service/queue_load.hpp"

namespace {

using namespace gatherd::bench;

void check(natsStatus status) {
    if (status != NATS_OK) {
        give_up("nats-server: " + std::string{natsStatus_GetText(status)});
    }
}

/// At once: each message is written as it is published. Else the client's own thread writes what has gathered, which is
/// many times faster for many, and milliseconds late for one.
natsConnection* connect_to(int port, bool at_once) {
    natsOptions* options = nullptr;
    check(natsOptions_Create(&options));
    check(natsOptions_SetURL(options, ("nats://127.0.0.1:" + std::to_string(port)).c_str()));
    check(natsOptions_SetSendAsap(options, at_once));
    natsConnection* made = nullptr;
    check(natsConnection_Connect(&made, options));
    natsOptions_Destroy(options);
    return made;
}

[[noreturn]] void work(int port, bool at_once) {
    natsConnection* const with = connect_to(port, at_once);
    natsSubscription* tasks = nullptr;
    check(natsConnection_QueueSubscribeSync(&tasks, with, "noop", "workers"));
    for (;;) {
        natsMsg* task = nullptr;
        if (natsSubscription_NextMsg(&task, tasks, 1000) == NATS_OK) {
            check(natsConnection_PublishString(with, natsMsg_GetReply(task), "null"));
            natsMsg_Destroy(task);
        }
    }
}

batch_runner connect(const queue_options& how) {
    natsConnection* const with = connect_to(how.port, how.batch == 1);
    // The workers may not have subscribed yet, and nats-server keeps nothing for them.
    natsMsg* first = nullptr;
    natsStatus there;
    while ((there = natsConnection_RequestString(&first, with, "noop", "", 1000)) == NATS_NO_RESPONDERS) {
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    check(there);
    natsMsg_Destroy(first);
    natsInbox* inbox = nullptr;
    check(natsInbox_Create(&inbox));
    natsSubscription* replies = nullptr;
    check(natsConnection_SubscribeSync(&replies, with, inbox));
    return [=, batch = how.batch] {
        for (std::size_t i = 0; i < batch; ++i) {
            check(natsConnection_PublishRequestString(with, "noop", inbox, ""));
        }
        for (std::size_t i = 0; i < batch; ++i) {
            natsMsg* reply = nullptr;
            check(natsSubscription_NextMsg(&reply, replies, 60'000));
            natsMsg_Destroy(reply);
        }
    };
}

}  // namespace

int main(int size, char** words) {
    if (size == 4 && std::string_view{words[1]} == "work") {
        work(std::atoi(words[2]), std::string_view{words[3]} == "1");
    }
    if (size != 6) {
        give_up("usage: queue_nats work PORT BATCH | drive PORT BATCH CONNECTIONS SECONDS");
    }
    const auto how = queue_options::from(words);
    drive(how, [&](std::size_t) { return connect(how); });
}
