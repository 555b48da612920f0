/// \file
/// The tokens that clients may show.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/server/auth/identity.hpp"

namespace gatherd::api::server {

/// The SHA-256 of a token: what is kept of it.
using token_hash = std::array<unsigned char, 32>;

/// The SHA-256 of a text.
[[nodiscard]] token_hash hash_of(std::string_view text);

/// One token as the settings give it.
struct token_grant {
    std::string name;
    token_hash hash;
    rights granted = 0;
    std::size_t most_tasks = 0;                           ///< 0: limits.token_tasks_in_flight holds
    std::optional<std::vector<std::string>> functions{};  ///< globs of names; none: all that need no setting
    std::optional<std::vector<std::string>> serve{};      ///< globs of names; none: all, with the right to serve
};

/// The tokens that are good at the moment, by their hashes. The tokens themselves are never kept.
///
/// Threads: all members are safe from any thread.
class token_table {
public:
    /// From now on these. A token whose name and hash stay keeps its holder, who only gets other rights; the holders of
    /// those that go are revoked.
    void replace(const std::vector<token_grant>& grants);

    /// No tokens: nobody is asked for one.
    [[nodiscard]] bool empty() const;

    /// Whose token that is, or null. Takes the same time whichever it is and however much of it is right: each hash is
    /// compared to its end.
    [[nodiscard]] std::shared_ptr<identity> find(std::string_view token) const;

private:
    struct entry {
        token_hash hash;
        std::shared_ptr<identity> holder;
    };
    mutable std::mutex lock_;
    std::vector<entry> entries_;  // under lock_
};

}  // namespace gatherd::api::server
