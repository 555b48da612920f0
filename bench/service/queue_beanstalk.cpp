/// \file
/// No-ops through beanstalkd, by its text protocol: a tube of tasks, and one for the results of each client.
/// `work PORT` is a worker, `drive PORT BATCH CONNECTIONS SECONDS` the load.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string_view>

#include "bench/service/queue_load.hpp"

namespace {

using namespace gatherd::bench;

/// One connection: commands are gathered, sent at once, and answered in their order.
class client {
public:
    explicit client(int port) : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            give_up("beanstalkd: no connection");
        }
        const int yes = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
    ~client() { ::close(socket_); }
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    void command(std::string_view text) { out_.append(text).append("\r\n"); }
    void put(std::string_view body) {
        command("put 0 0 60 " + std::to_string(body.size()));
        command(body);
    }

    void flush() {
        for (std::size_t sent = 0; sent < out_.size();) {
            const auto count = ::send(socket_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
            if (count <= 0) {
                give_up("beanstalkd: the connection was lost");
            }
            sent += static_cast<std::size_t>(count);
        }
        out_.clear();
    }

    /// The next line of an answer; must begin so.
    std::string line(std::string_view expected) {
        flush();
        std::size_t end;
        while ((end = in_.find("\r\n")) == in_.npos) {
            char piece[65536];
            const auto count = ::recv(socket_, piece, sizeof piece, 0);
            if (count <= 0) {
                give_up("beanstalkd: the connection was lost");
            }
            in_.append(piece, static_cast<std::size_t>(count));
        }
        std::string got = in_.substr(0, end);
        in_.erase(0, end + 2);
        if (!got.starts_with(expected)) {
            give_up("beanstalkd said " + got);
        }
        return got;
    }

    struct job {
        std::string id;
        std::string body;
    };
    /// What a `reserve` that was commanded gives: bodies here hold no line end.
    job reserved() {
        const auto head = line("RESERVED ");
        const auto id = head.substr(9, head.find(' ', 9) - 9);
        return {id, line("")};
    }

private:
    int socket_;
    std::string out_;
    std::string in_;
};

[[noreturn]] void work(int port) {
    client with{port};
    with.command("watch tasks");
    with.command("ignore default");
    with.line("WATCHING");
    with.line("WATCHING");
    for (;;) {
        with.command("reserve");
        const auto task = with.reserved();
        with.command("use " + task.body);
        with.put("null");
        with.command("delete " + task.id);
        with.line("USING");
        with.line("INSERTED");
        with.line("DELETED");
    }
}

batch_runner connect(const queue_options& how, std::size_t number) {
    const auto with = std::make_shared<client>(how.port);
    const auto tube = "results-" + std::to_string(number);
    with->command("watch " + tube);
    with->command("ignore default");
    with->command("use tasks");
    with->line("WATCHING");
    with->line("WATCHING");
    with->line("USING");
    return [=, batch = how.batch] {
        for (std::size_t i = 0; i < batch; ++i) {
            with->put(tube);
        }
        for (std::size_t i = 0; i < batch; ++i) {
            with->line("INSERTED");
        }
        for (std::size_t i = 0; i < batch; ++i) {
            with->command("reserve");
            with->command("delete " + with->reserved().id);
            with->line("DELETED");
        }
    };
}

}  // namespace

int main(int size, char** words) {
    if (size == 3 && std::string_view{words[1]} == "work") {
        work(std::atoi(words[2]));
    }
    if (size != 6) {
        give_up("usage: queue_beanstalk work PORT | drive PORT BATCH CONNECTIONS SECONDS");
    }
    const auto how = queue_options::from(words);
    drive(how, [&](std::size_t number) { return connect(how, number); });
}
