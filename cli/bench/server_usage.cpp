#include "cli/bench/server_usage.hpp"

#include <unistd.h>

#include <algorithm>
#include <asio/local/stream_protocol.hpp>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace gatherd::cli::bench {

namespace fs = std::filesystem;

namespace {

std::optional<int> parse_number(std::string_view text) {
    int number = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    return fault == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

/// The inodes of the sockets that listen there, as one of the kernel's tables has them.
void add_listeners(const char* table, const asio::ip::tcp::endpoint& server, std::set<std::string>& inodes) {
    constexpr std::string_view listening = "0A";
    std::ifstream lines{table};
    std::string line;
    std::getline(lines, line);  // the head
    while (std::getline(lines, line)) {
        std::istringstream words{line};
        std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
        words >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
        if (state == listening && server_usage::listens_at(local, server)) {
            inodes.insert("socket:[" + inode + "]");
        }
    }
}

/// The same for a Unix socket.
void add_local_listeners(std::string_view path, std::set<std::string>& inodes) {
    std::ifstream lines{"/proc/net/unix"};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        std::string number, references, protocol, flags, type, state, inode, name;
        words >> number >> references >> protocol >> flags >> type >> state >> inode >> std::ws;
        std::getline(words, name);
        if (name == path && flags == "00010000") {  // __SO_ACCEPTCON
            inodes.insert("socket:[" + inode + "]");
        }
    }
}

bool holds_one_of(const fs::path& process, const std::set<std::string>& sockets) {
    std::error_code failed;
    for (fs::directory_iterator each{process / "fd", failed}, end; !failed && each != end; each.increment(failed)) {
        std::error_code gone;
        if (const auto target = fs::read_symlink(each->path(), gone); !gone && sockets.contains(target.string())) {
            return true;
        }
    }
    return false;
}

bool add_process(int process, usage& to) {
    const auto folder = fs::path{"/proc"} / std::to_string(process);
    std::string stat;
    if (!std::getline(std::ifstream{folder / "stat"}, stat)) {
        return false;
    }
    // The name in brackets may hold anything; user and system time are words 14 and 15, the state being word 3.
    std::istringstream words{stat.substr(std::min(stat.rfind(')') + 1, stat.size()))};
    std::string word;
    for (int i = 3; i < 14; ++i) {
        words >> word;
    }
    std::int64_t user = 0;
    std::int64_t system = 0;
    words >> user >> system;
    to.cpu += std::chrono::nanoseconds{(user + system) * (1'000'000'000 / ::sysconf(_SC_CLK_TCK))};
    std::ifstream status{folder / "status"};
    for (std::string line; std::getline(status, line);) {
        std::istringstream fields{line};
        std::string name;
        std::uint64_t kibibytes = 0;
        fields >> name >> kibibytes;
        if (name == "VmRSS:") {
            to.resident_bytes += kibibytes * 1024;
        } else if (name == "RssAnon:") {
            to.private_bytes += kibibytes * 1024;
        }
    }
    return true;
}

bool is_of_this_machine(const asio::ip::tcp::endpoint& server) {
    asio::io_context context;
    asio::ip::tcp::socket probe{context, server.protocol()};
    asio::error_code failed;
    probe.bind({server.address(), 0}, failed);  // only an address of our own can be bound
    return !failed;
}

}  // namespace

bool server_usage::listens_at(std::string_view local_address, const asio::ip::tcp::endpoint& server) {
    const auto colon = local_address.find(':');
    if (colon == local_address.npos) {
        return false;
    }
    unsigned port = 0;
    const auto port_text = local_address.substr(colon + 1);
    std::from_chars(port_text.data(), port_text.data() + port_text.size(), port, 16);
    if (port != server.port()) {
        return false;
    }
    const auto address = local_address.substr(0, colon);
    if (address.find_first_not_of('0') == address.npos) {
        return true;  // any address
    }
    // The kernel writes words of 32 bits as numbers of this machine: the bytes of 127.0.0.1 as 0100007F on a PC.
    std::string bytes;
    for (std::size_t i = 0; i + 8 <= address.size(); i += 8) {
        std::uint32_t word = 0;
        std::from_chars(address.data() + i, address.data() + i + 8, word, 16);
        bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    const auto same = [&bytes](const auto& wanted) {
        return bytes.size() >= wanted.size() &&
               std::memcmp(bytes.data() + bytes.size() - wanted.size(), wanted.data(), wanted.size()) == 0;
    };
    return server.address().is_v4() ? same(server.address().to_v4().to_bytes())
                                    : same(server.address().to_v6().to_bytes());
}

server_usage::server_usage(const asio::generic::stream_protocol::endpoint& server) {
    std::set<std::string> sockets;
    if (server.protocol().family() == AF_UNIX) {
        asio::local::stream_protocol::endpoint at;
        std::memcpy(at.data(), server.data(), server.size());
        at.resize(server.size());
        add_local_listeners(at.path(), sockets);
    } else {
        asio::ip::tcp::endpoint at;
        at.resize(server.size());
        std::memcpy(at.data(), server.data(), server.size());
        if (!is_of_this_machine(at)) {
            return;
        }
        add_listeners("/proc/net/tcp", at, sockets);
        add_listeners("/proc/net/tcp6", at, sockets);
    }
    std::error_code failed;
    for (fs::directory_iterator each{"/proc", failed}, end; !failed && each != end; each.increment(failed)) {
        const auto process = parse_number(each->path().filename().string());
        if (process && holds_one_of(each->path(), sockets)) {
            processes_.push_back(*process);
        }
    }
}

std::optional<usage> server_usage::now() const {
    usage all;
    const bool there =
        !processes_.empty() && std::ranges::all_of(processes_, [&all](int each) { return add_process(each, all); });
    return there ? std::optional{all} : std::nullopt;
}

}  // namespace gatherd::cli::bench
