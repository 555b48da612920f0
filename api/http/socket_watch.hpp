/// \file
/// The sockets of libraries that open their own, in a worker's reactor.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <memory>
#include <unordered_map>

namespace gatherd::api::http {

/// One epoll set of all these sockets, which the reactor watches as a single descriptor. Nothing here owns one: who
/// closes a socket that is watched forgets it first.
///
/// Threads: the reactor's alone.
class socket_watch {
public:
    /// Who is told that a socket is ready.
    class owner {
    public:
        /// May watch and forget any sockets, this one included, and end the life of this object.
        virtual void ready(int socket, bool readable, bool writable) = 0;

    protected:
        ~owner() = default;
    };

    /// Throws asio::system_error where the system has no descriptor left.
    explicit socket_watch(asio::io_context& reactor);

    /// Tells `listener` whenever the socket is ready for what is asked for, until forget() or another watch(). A socket
    /// that the system cannot watch, such as one that is closed already, is not watched.
    void watch(int socket, bool reading, bool writing, owner& listener);
    /// Nothing happens where another owner watches a socket of that number by now.
    void forget(int socket, const owner& listener) noexcept;

    /// Begins. `alive` keeps this object, and whoever owns the sockets, until the reactor ends.
    void start(const std::shared_ptr<void>& alive);

    /// Ends it, if it has begun: nobody is told anything any more, and `alive` is let go.
    void stop() noexcept;

private:
    void wait(std::shared_ptr<void> alive);
    void tell_owners();

    asio::posix::stream_descriptor set_;
    std::unordered_map<int, owner*> owners_{};
    bool is_waiting_ = false;  // what waits keeps this object alive
};

}  // namespace gatherd::api::http
