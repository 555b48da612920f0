/// \file
/// A worker of a pool without the daemon: the process, its socket, and the answer to its `serve`.
#pragma once

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bench/service/line_server.hpp"

namespace gatherd::bench {

/// Sends all of it, or ends the process.
inline void send_whole(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
        bytes.remove_prefix(static_cast<std::size_t>(
            checked(static_cast<int>(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL)), "send")));
    }
}

/// Appends what comes next, waiting for it. Ends the process where nothing comes any more.
inline void receive_more(int socket, std::string& bytes) {
    char scratch[1 << 16];
    const auto count = checked(static_cast<int>(::recv(socket, scratch, sizeof scratch, 0)), "recv");
    if (count == 0) {
        std::fputs("the other side has closed\n", stderr);
        std::exit(1);
    }
    bytes.append(scratch, static_cast<std::size_t>(count));
}

/// Starts the command with a socketpair as the daemon does, and gives its socket once it serves. It ends with this
/// process.
inline int start_worker(char** command) {
    int pair[2];
    checked(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
    if (checked(::fork(), "fork") == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::setenv("GATHERD_WORKER_FD", "3", 1);
        if (pair[1] == 3) {
            checked(::fcntl(3, F_SETFD, 0), "fcntl");
        } else {
            checked(::dup2(pair[1], 3), "dup2");
        }
        ::execvp(command[0], command);
        std::perror(command[0]);
        ::_exit(127);
    }
    ::close(pair[1]);
    std::string serve;
    while (serve.find('\n') == serve.npos) {
        receive_more(pair[0], serve);
    }
    const auto id = serve.find("\"id\":");
    const auto end = serve.find_first_of(",}", id);
    send_whole(pair[0], "{\"jsonrpc\":\"2.0\"," + serve.substr(id, end - id) + ",\"result\":{\"worker\":\"w\"}}\n");
    return pair[0];
}

/// One line for the call `add_one(number)`, as the daemon writes it.
inline std::string invoke(std::size_t id, std::size_t number) {
    return "{\"jsonrpc\":\"2.0\",\"id\":\"" + std::to_string(id) +
           "\",\"method\":\"invoke\",\"params\":{\"call\":\"add_one\",\"args\":[" + std::to_string(number) +
           "],\"attempt\":1}}\n";
}

}  // namespace gatherd::bench
