#include "cli/client/client.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <asio.hpp>
#include <asio/ssl.hpp>
#include <csignal>
#include <deque>
#include <future>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/exit_status.hpp"
#include "cli/failure_report.hpp"
#include "cli/failures.hpp"
#include "cli/serve/local_daemon.hpp"

namespace gatherd::cli {

using asio::ip::tcp;
using std::chrono::milliseconds;

namespace {

constexpr std::uint64_t request_id = 1;

std::string seconds_text(milliseconds time) {
    auto text = std::to_string(static_cast<double>(time.count()) / 1000.0);
    text.erase(text.find_last_not_of('0') + 1);
    return text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
}

std::string message_line(std::uint64_t id, std::string_view method, std::string_view params) {
    auto line = R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + std::string{method} + '"';
    if (!params.empty()) {
        line.append(R"(,"params":)").append(params);
    }
    return line + "}\n";
}

/// OpenSSL's reason of a fault, 0 if it is none of TLS.
int tls_reason(std::error_code fault) {
    const bool is_tls = fault.category() == asio::error::get_ssl_category();
    return is_tls ? ERR_GET_REASON(static_cast<unsigned long>(fault.value())) : 0;
}

}  // namespace

struct client::connection {
    using socket_type = asio::generic::stream_protocol::socket;

    explicit connection(const destination& to) : name{to.name()}, inside{to.inside} {}

    template <typename Handler>
    void read_some(asio::mutable_buffer into, Handler then) {
        tls ? tls->async_read_some(into, std::move(then)) : socket.async_read_some(into, std::move(then));
    }

    template <typename Handler>
    void write(asio::const_buffer from, Handler then) {
        tls ? asio::async_write(*tls, from, std::move(then)) : asio::async_write(socket, from, std::move(then));
    }

    std::string name;                      // of the server, for messages
    std::shared_ptr<local_daemon> inside;  // outlives the socket
    asio::io_context context;
    socket_type socket{context};
    asio::ssl::context trust{asio::ssl::context::tls_client};
    std::optional<asio::ssl::stream<socket_type&>> tls;  // none: in clear
    int certificate_fault = X509_V_OK;                   // of the other end
    std::string received;                                // and not yet handed out
    std::size_t scanned = 0;                             // of it, without a line end
};

/// A request on its way: writing, reading, signals and the timer are all in flight at once, since the daemon may answer
/// before it has read everything, and a cancel must not wait for anything.
class client::exchange {
public:
    exchange(connection& with, const ask_options& options)
        : with_{with}, options_{options}, signals_{with.context}, timer_{with.context}, tick_{with.context} {}

    reply run(const request& what) {
        with_.context.restart();
        send(message_line(request_id, what.method, what.params));
        read_more();
        if (options_.on_interrupt) {
            signals_.add(SIGINT);
            signals_.add(SIGTERM);
            wait_for_signal();
        }
        if (options_.until) {
            give_up_at(*options_.until, reply::end::silence);
        }
        if (options_.on_tick) {
            tick_.expires_after(tick);
            wait_for_tick();
        }
        with_.context.run();  // returns once nothing is in flight, so no handler outlives this object
        if (!lost_.empty()) {
            throw connection_error{lost_};
        }
        auto answer = std::move(*outcome_);
        answer.interrupted_by = interrupted_by_;
        return answer;
    }

private:
    [[nodiscard]] bool finished() const { return outcome_ || !lost_.empty(); }

    void finish(reply how) {
        if (!finished()) {
            outcome_ = std::move(how);
        }
        stop();
    }

    void lose(std::string why) {
        if (!finished()) {
            lost_ = std::move(why);
        }
        stop();
    }

    /// Instead of what was said before.
    void give_up_at(deadline then, reply::end how) {
        timer_.expires_at(then);
        timer_.async_wait([this, how](std::error_code fault) {
            if (!fault) {
                finish({.how = how});
            }
        });
    }

    void stop() {
        std::error_code ignored;
        with_.socket.cancel(ignored);
        signals_.cancel(ignored);
        timer_.cancel();
        tick_.cancel();
    }

    void wait_for_tick() {
        tick_.async_wait([this](std::error_code fault) {
            if (!fault && !finished()) {
                options_.on_tick();
                tick_.expires_after(tick);
                wait_for_tick();
            }
        });
    }

    void send(std::string line) {
        outgoing_.push_back(std::move(line));
        if (outgoing_.size() == 1) {
            write_next();
        }
    }

    void write_next() {
        with_.write(asio::buffer(outgoing_.front()), [this](std::error_code fault, std::size_t) {
            if (fault || finished()) {
                return;  // the read tells why: the daemon may have said so before it closed
            }
            outgoing_.pop_front();
            if (!outgoing_.empty()) {
                write_next();
            }
        });
    }

    void read_more() {
        with_.read_some(asio::buffer(chunk_), [this](std::error_code fault, std::size_t count) {
            if (finished()) {
                return;
            }
            if (fault) {
                lose("the connection to " + with_.name + " was lost before the answer came (" +
                     (fault == asio::error::eof ? "closed by the other end" : fault.message()) + ")" +
                     advice_on_loss(fault));
                return;
            }
            with_.received.append(chunk_.data(), count);
            take_lines();
            if (!finished()) {
                read_more();
            }
        });
    }

    /// What may help, where the end of the connection tells something.
    [[nodiscard]] std::string advice_on_loss(const std::error_code& fault) const {
        constexpr std::string_view tls_alert = "\x15\x03";
        if (!with_.tls && with_.received.starts_with(tls_alert)) {
            return ": it speaks TLS, use --connect tls:HOST:PORT";
        }
        if (!with_.tls && with_.received.empty() && fault == asio::error::connection_reset) {
            // A reset may have overtaken the alert.
            return ": if it speaks TLS, use --connect tls:HOST:PORT";
        }
        const int reason = tls_reason(fault);
        if (reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED) {
            return ": it wants a certificate, use --tls-certificate FILE";
        }
        const bool refused = reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA || reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
                             reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED;
        return refused ? ": it does not accept the certificate of --tls-certificate" : "";
    }

    void take_lines() {
        std::size_t taken = 0;
        while (!finished()) {
            const auto end = with_.received.find('\n', std::max(taken, with_.scanned));
            if (end == std::string::npos) {
                break;
            }
            take_line(std::string_view{with_.received}.substr(taken, end - taken));
            taken = end + 1;
        }
        with_.received.erase(0, taken);
        with_.scanned = with_.received.size();
    }

    void take_line(std::string_view line) {
        auto message = parse_server_message(line);
        if (!message) {
            lose("what answers at " + with_.name + " is no gatherd: use --connect HOST:PORT");
        } else if (message->is_notification()) {
            if (options_.on_notification) {
                options_.on_notification(*message);
            }
        } else if (message->result && message->id == request_id) {
            finish({.how = reply::end::result, .result = std::move(*message->result)});
        } else if (!message->result && (message->id == request_id || !message->id)) {
            // Without an id it is about the connection or our message as a whole: there will be no other answer.
            finish({.how = reply::end::error, .error = std::move(message->error)});
        }  // else it answers our cancel, which needs no answer
    }

    void wait_for_signal() {
        signals_.async_wait([this](std::error_code fault, int signal) {
            if (fault || finished()) {
                return;
            }
            if (interrupted_by_ != 0) {
                finish({.how = reply::end::abandoned});
                return;
            }
            interrupted_by_ = signal;
            options_.on_interrupt();
            give_up_at(std::chrono::steady_clock::now() + after_interrupt, reply::end::abandoned);
            send(message_line(request_id + 1, "cancel", R"({"request":1,"message":"cancelled by the user"})"));
            wait_for_signal();
        });
    }

    connection& with_;
    const ask_options& options_;
    asio::signal_set signals_;
    asio::steady_timer timer_;
    asio::steady_timer tick_;
    std::array<char, 65'536> chunk_{};
    std::deque<std::string> outgoing_;  // the first is being written
    std::optional<reply> outcome_;
    std::string lost_;  // why there will be no answer
    int interrupted_by_ = 0;
};

namespace {

std::string advice_on_connecting(const destination& server) {
    return std::string{": is `gatherd serve` running? use --connect HOST:PORT"} +
           (server.could_be_local ? ", or --local, which needs no daemon" : "");
}

/// How long connecting may take, and what is said when that time is over.
class connect_clock {
public:
    connect_clock(const destination& server, std::optional<deadline> until)
        : advice_{advice_on_connecting(server)}, connect_by_{begun_ + server.connect_timeout}, until_{until} {}

    [[nodiscard]] deadline end() const { return std::min(connect_by_, until_.value_or(connect_by_)); }

    /// Throws it: no answer came from `name` until the end.
    [[noreturn]] void give_up(const std::string& name) const {
        if (until_ && *until_ <= connect_by_) {
            throw timeout_error{"timed out: no answer from " + name};
        }
        const auto waited = std::chrono::duration_cast<milliseconds>(connect_by_ - begun_);
        throw connection_error{"no gatherd at " + name + " (no answer within " + seconds_text(waited) + " s)" +
                               advice_};
    }

private:
    const std::string advice_;
    const deadline begun_ = std::chrono::steady_clock::now();
    const deadline connect_by_;
    const std::optional<deadline> until_;
};

/// Waits for an operation that was started with `done` as the place of its outcome; would_block: it has not ended.
void wait_for(asio::io_context& context, const std::error_code& done, const connect_clock& clock,
              const std::string& name, const std::function<void()>& stop,
              const std::function<std::string(const std::error_code&)>& help) {
    context.restart();
    context.run_until(clock.end());
    if (!done) {
        return;
    }
    const std::error_code outcome = done;
    stop();
    context.run();  // the handler refers to the caller's frame
    if (outcome == asio::error::would_block) {
        clock.give_up(name);
    }
    throw connection_error{"no gatherd at " + name + " (" + outcome.message() + ")" + help(outcome)};
}

/// Why a TLS handshake failed, and which option would help.
std::string advice_on_handshake(const std::error_code& fault, int certificate_fault, const destination& server) {
    switch (certificate_fault) {
        case X509_V_OK:
            break;
        case X509_V_ERR_HOSTNAME_MISMATCH:
            return ": its certificate is not for the host name '" + server.host +
                   "': connect by a name that is in the certificate";
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return ": its certificate is from an authority that is not trusted: " +
                   (server.ca.empty() ? "--tls-ca FILE names the one to trust"
                                      : "it is not in the file of --tls-ca, '" + server.ca + "'");
        default:
            return std::string{": its certificate is not valid: "} + X509_verify_cert_error_string(certificate_fault);
    }
    if (fault == asio::error::eof || fault == asio::error::connection_reset || fault.message() == "stream truncated" ||
        tls_reason(fault) == SSL_R_WRONG_VERSION_NUMBER) {
        return ": it may speak no TLS there, use --connect without tls:";
    }
    return ": the TLS handshake failed, see --tls-ca and --tls-certificate";
}

using endpoint_list = std::vector<asio::generic::stream_protocol::endpoint>;

struct resolution {
    std::error_code fault;
    endpoint_list found;
};

resolution resolve_host(const std::string& host, std::uint16_t port) {
    resolution outcome;
    asio::io_context context;
    tcp::resolver resolver{context};
    for (const auto& each :
         resolver.resolve(host, std::to_string(port), tcp::resolver::numeric_service, outcome.fault)) {
        outcome.found.emplace_back(each.endpoint());
    }
    return outcome;
}

endpoint_list endpoints_of(const destination& server, const connect_clock& clock) {
    if (server.is == config::address::kind::local) {
        try {
            return {asio::local::stream_protocol::endpoint{server.path}};
        } catch (const std::system_error& e) {
            throw connection_error{"no gatherd at " + server.name() + " (" + e.code().message() + ")"};
        }
    }
    // The system's resolver cannot be stopped. Its thread is left alone when the time is over.
    std::promise<resolution> promise;
    auto answer = promise.get_future();
    std::thread{[promise = std::move(promise), host = server.host, port = server.port]() mutable {
        promise.set_value(resolve_host(host, port));
    }}.detach();
    if (answer.wait_until(clock.end()) != std::future_status::ready) {
        clock.give_up("the resolver of '" + server.host + "'");
    }
    auto outcome = answer.get();
    if (outcome.fault) {
        throw connection_error{"no host '" + server.host + "' (" + outcome.fault.message() +
                               "): use --connect HOST:PORT"};
    }
    return std::move(outcome.found);
}

/// Whom we trust, and what we show.
void prepare_tls(asio::ssl::context& trust, const destination& server) {
    const auto load = [](const std::string& file, const auto& reading) {
        std::error_code failed;
        reading(failed);
        if (failed) {
            throw usage_error{"cannot read '" + file + "' for TLS: " + failed.message()};
        }
    };
    SSL_CTX_set_min_proto_version(trust.native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_options(trust.native_handle(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    trust.set_verify_mode(asio::ssl::verify_peer);
    if (server.ca.empty()) {
        trust.set_default_verify_paths();
    } else {
        load(server.ca, [&](std::error_code& failed) { trust.load_verify_file(server.ca, failed); });
    }
    if (!server.certificate.empty()) {
        const auto& key = server.key.empty() ? server.certificate : server.key;
        load(server.certificate,
             [&](std::error_code& failed) { trust.use_certificate_chain_file(server.certificate, failed); });
        load(key, [&](std::error_code& failed) { trust.use_private_key_file(key, asio::ssl::context::pem, failed); });
    }
}

std::string as_json(const std::string& text) {
    return api::value(text).dump(-1, ' ', false, api::value::error_handler_t::replace);
}

}  // namespace

client::client(const destination& server, std::optional<deadline> until)
    : connection_{std::make_unique<connection>(server)} {
    connection& with = *connection_;
    std::error_code outcome = asio::error::would_block;
    const auto stop = [&with] {
        std::error_code ignored;
        with.socket.close(ignored);
    };
    if (with.inside) {
        with.socket.assign(asio::local::stream_protocol{}, with.inside->connect());
        return;
    }
    const connect_clock clock{server, until};
    const auto endpoints = endpoints_of(server, clock);
    asio::async_connect(with.socket, endpoints, [&outcome](std::error_code fault, const auto&) { outcome = fault; });
    wait_for(with.context, outcome, clock, with.name, stop,
             [&server](const std::error_code&) { return advice_on_connecting(server); });
    if (server.is == config::address::kind::tcp) {
        with.socket.set_option(tcp::no_delay{true}, outcome);  // a refusal costs latency only
    }
    if (server.tls) {
        prepare_tls(with.trust, server);
        with.tls.emplace(with.socket, with.trust);
        if (server.is == config::address::kind::tcp) {
            const asio::ssl::host_name_verification fits{server.host};
            with.tls->set_verify_callback([&with, fits](bool is_trusted, asio::ssl::verify_context& found) {
                const bool is_good = fits(is_trusted, found);
                if (!is_good) {
                    with.certificate_fault =
                        is_trusted ? X509_V_ERR_HOSTNAME_MISMATCH : X509_STORE_CTX_get_error(found.native_handle());
                }
                return is_good;
            });
            SSL_set_tlsext_host_name(with.tls->native_handle(), server.host.c_str());
        }
        outcome = asio::error::would_block;
        with.tls->async_handshake(asio::ssl::stream_base::client,
                                  [&outcome](std::error_code fault) { outcome = fault; });
        wait_for(with.context, outcome, clock, with.name, stop, [&](const std::error_code& fault) {
            return advice_on_handshake(fault, with.certificate_fault, server);
        });
    }
    if (!server.token.empty()) {
        const auto answer =
            ask({.method = "auth", .params = R"({"token":)" + as_json(server.token) + "}"}, {.until = clock.end()});
        if (answer.how == reply::end::silence) {
            clock.give_up(with.name);
        }
        if (answer.how != reply::end::result) {
            const auto report = report_failure(answer.error);
            throw refusal_error{
                report.exit_status == exit_status::not_let_in
                    ? "the daemon at " + with.name + " does not accept the token of --token-file " + server.token_file
                    : report.text,
                report.exit_status};
        }
    }
}

client::~client() = default;

reply client::ask(const request& what, const ask_options& options) {
    return exchange{*connection_, options}.run(what);
}

client::pipeline::pipeline(client& with, events told)
    : with_{*with.connection_}, told_{std::move(told)}, chunk_(std::size_t{256} << 10, '\0') {
    with_.context.restart();
    read_more();
}

client::pipeline::~pipeline() {
    with_.context.stop();
}

asio::io_context& client::pipeline::context() noexcept {
    return with_.context;
}

void client::pipeline::send(std::string_view messages) {
    queued_.append(messages);
    if (!is_writing_) {
        is_writing_ = true;
        asio::post(with_.context, [this] { write_next(); });
    }
}

void client::pipeline::write_next() {
    written_.clear();
    written_.swap(queued_);
    if (written_.empty() || is_lost_) {
        is_writing_ = false;
        return;
    }
    with_.write(asio::buffer(written_), [this](std::error_code fault, std::size_t) {
        if (!fault) {  // else the read tells why
            write_next();
        }
    });
}

void client::pipeline::hold_up(bool is_held) {
    is_held_ = is_held;
    if (!is_held && !is_reading_ && !is_lost_) {
        read_more();
    }
}

void client::pipeline::read_more() {
    is_reading_ = true;
    with_.read_some(asio::buffer(chunk_), [this](std::error_code fault, std::size_t count) {
        is_reading_ = false;
        if (fault) {
            is_lost_ = true;
            told_.on_lost("the connection to " + with_.name + " was lost (" +
                          (fault == asio::error::eof ? "closed by the other end" : fault.message()) + ")");
            return;
        }
        with_.received.append(chunk_.data(), count);
        take_lines();
        if (!is_held_ && !is_reading_) {
            read_more();
        }
    });
}

void client::pipeline::take_lines() {
    std::size_t taken = 0;
    for (;;) {
        const auto end = with_.received.find('\n', std::max(taken, with_.scanned));
        if (end == std::string::npos) {
            break;
        }
        told_.on_line(std::string_view{with_.received}.substr(taken, end - taken));
        taken = end + 1;
    }
    with_.received.erase(0, taken);
    with_.scanned = with_.received.size();
}

}  // namespace gatherd::cli
