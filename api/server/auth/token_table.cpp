#include "api/server/auth/token_table.hpp"

#include <fnmatch.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>

namespace gatherd::api::server {

token_hash hash_of(std::string_view text) {
    token_hash hash{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
    return hash;
}

namespace {

bool matches(const std::vector<std::string>& globs, const std::string& name) {
    return std::ranges::any_of(
        globs, [&name](const std::string& each) { return fnmatch(each.c_str(), name.c_str(), 0) == 0; });
}

}  // namespace

bool function_rights::allows(const plan::function& callee) const {
    return globs_ ? matches(*globs_, callee.name) : callee.needs.empty();
}

bool identity::may_serve(const std::string& function) const {
    const std::optional<globs>& served = served_.now();
    return may(right::serve) && (!served || matches(*served, function));
}

void token_table::replace(const std::vector<token_grant>& grants) {
    const std::lock_guard guard{lock_};
    std::vector<entry> next;
    for (const token_grant& grant : grants) {
        const auto same = std::find_if(entries_.begin(), entries_.end(), [&grant](const entry& each) {
            return each.holder != nullptr && each.holder->name() == grant.name && each.hash == grant.hash;
        });
        const function_rights functions{grant.functions};
        if (same != entries_.end()) {
            same->holder->change(grant.granted, grant.most_tasks, functions, grant.serve);
            next.push_back({grant.hash, std::exchange(same->holder, nullptr)});
        } else {
            next.push_back({grant.hash, std::make_shared<identity>(grant.name, grant.granted, grant.most_tasks,
                                                                   functions, grant.serve)});
        }
    }
    for (const entry& each : entries_) {
        if (each.holder != nullptr) {
            each.holder->revoke();
        }
    }
    entries_ = std::move(next);
}

bool token_table::empty() const {
    const std::lock_guard guard{lock_};
    return entries_.empty();
}

std::shared_ptr<identity> token_table::find(std::string_view token) const {
    const token_hash hash = hash_of(token);
    const std::lock_guard guard{lock_};
    std::shared_ptr<identity> found;
    for (const entry& each : entries_) {
        if (CRYPTO_memcmp(each.hash.data(), hash.data(), hash.size()) == 0) {
            found = each.holder;
        }
    }
    return found;
}

}  // namespace gatherd::api::server
