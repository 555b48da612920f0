/// \file
/// No-ops through Redis Streams, by hiredis: tasks are added to a stream with a consumer group of two workers, results
/// to a stream of the client's own. `work PORT NAME` is a worker, `drive PORT BATCH CONNECTIONS SECONDS` the load.
#include <hiredis/hiredis.h>

#include <memory>
#include <span>
#include <string_view>

#include "bench/service/queue_load.hpp"

namespace {

using namespace gatherd::bench;

using connection = std::unique_ptr<redisContext, decltype(&redisFree)>;
using answer = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

connection connect_to(int port) {
    connection made{redisConnect("127.0.0.1", port), redisFree};
    if (!made || made->err != 0) {
        give_up("redis-server: no connection");
    }
    return made;
}

answer receive(const connection& from) {
    void* got = nullptr;
    if (redisGetReply(from.get(), &got) != REDIS_OK) {
        give_up("redis-server: " + std::string{from->errstr});
    }
    answer made{static_cast<redisReply*>(got), freeReplyObject};
    if (made->type == REDIS_REPLY_ERROR) {
        give_up("redis-server: " + std::string{made->str, made->len});
    }
    return made;
}

/// Sends what was appended, and waits for so many replies.
void settle(const connection& with, std::size_t replies) {
    for (std::size_t i = 0; i < replies; ++i) {
        (void)receive(with);
    }
}

/// The entries of XREAD's only stream; none where it had none.
std::span<redisReply*> entries(const answer& from) {
    if (from->type != REDIS_REPLY_ARRAY || from->elements == 0) {
        return {};
    }
    redisReply* const list = from->element[0]->element[1];
    return {list->element, list->elements};
}

/// The value of an entry's field of that place.
std::string_view field(const redisReply* entry, std::size_t place) {
    const redisReply* const found = entry->element[1]->element[place];
    return {found->str, found->len};
}

[[noreturn]] void work(int port, const char* name) {
    const auto with = connect_to(port);
    for (;;) {
        redisAppendCommand(with.get(), "XREADGROUP GROUP workers %s COUNT 256 BLOCK 0 STREAMS tasks >", name);
        const auto got = receive(with);
        std::size_t replies = 0;
        for (const redisReply* each : entries(got)) {
            const auto client = field(each, 1);
            redisAppendCommand(with.get(), "XACK tasks workers %s", each->element[0]->str);
            redisAppendCommand(with.get(), "XADD results:%b MAXLEN ~ 10000 * result null", client.data(),
                               client.size());
            replies += 2;
        }
        settle(with, replies);
    }
}

batch_runner connect(const queue_options& how, unsigned number) {
    const std::shared_ptr<connection> with = std::make_shared<connection>(connect_to(how.port));
    return [=, last = std::string{"0"}]() mutable {
        const auto& link = *with;
        for (std::size_t i = 0; i < how.batch; ++i) {
            redisAppendCommand(link.get(), "XADD tasks MAXLEN ~ 100000 * client %u call noop", number);
        }
        settle(link, how.batch);
        for (std::size_t done = 0; done < how.batch;) {
            redisAppendCommand(link.get(), "XREAD COUNT 1000 BLOCK 0 STREAMS results:%u %s", number, last.c_str());
            const auto got = receive(link);
            for (const redisReply* each : entries(got)) {
                last = each->element[0]->str;
                ++done;
            }
        }
    };
}

}  // namespace

int main(int size, char** words) {
    if (size == 4 && std::string_view{words[1]} == "work") {
        work(std::atoi(words[2]), words[3]);
    }
    if (size != 6) {
        give_up("usage: queue_redis work PORT NAME | drive PORT BATCH CONNECTIONS SECONDS");
    }
    const auto how = queue_options::from(words);
    drive(how, [&](std::size_t number) {
        // Each run of the load begins with streams of its own.
        const auto with = connect_to(how.port);
        redisAppendCommand(with.get(), "DEL results:%u", static_cast<unsigned>(number));
        settle(with, 1);
        return connect(how, static_cast<unsigned>(number));
    });
}
