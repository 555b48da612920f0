/// \file
/// The sockets of libraries that open their own, in a worker's reactor.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstdint>
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
    /// that the system cannot watch, such as one that is closed already, is not watched. Costs a system call only when
    /// it is another wish than that of the last watch().
    void watch(int socket, bool reading, bool writing, owner& listener);
    /// Until the next watch() nobody is told. The socket stays in the set, which saves a kept connection two system
    /// calls a request, until it is ready while it rests.
    void rest(int socket, const owner& listener) noexcept;
    /// Nothing happens where another owner watches a socket of that number by now.
    void forget(int socket, const owner& listener) noexcept;

    /// Begins. `alive` keeps this object, and whoever owns the sockets, until the reactor ends.
    void start(const std::shared_ptr<void>& alive);

    /// Ends it, if it has begun: nobody is told anything any more, and `alive` is let go.
    void stop() noexcept;

private:
    /// What is wanted of a socket, and what the set knows of it, as bits of epoll; 0: nothing, and not in the set.
    struct entry {
        owner* listener = nullptr;
        std::uint32_t wanted = 0;
        std::uint32_t known = 0;
    };

    void wait(std::shared_ptr<void> alive);
    void tell_owners();
    /// A socket that was ready while it rested would be ready in each turn from now on.
    void take_out(int socket, entry& resting) noexcept;

    asio::posix::stream_descriptor set_;
    std::unordered_map<int, entry> entries_{};
    bool is_waiting_ = false;  // what waits keeps this object alive
};

}  // namespace gatherd::api::http
