#include "api/protocol/first_token.hpp"

#include <array>
#include <string_view>

namespace gatherd::api::protocol {

struct number_table {
    using state = first_token::state;

    enum kind : unsigned char { no_token, other, zero, digit, minus, plus, point, letter_e, kind_count };

    std::array<kind, 256> kinds{};
    std::array<std::array<state, kind_count>, 10> next{};

    constexpr void set(state from, kind byte, state to) { next[static_cast<std::size_t>(from)][byte] = to; }

    constexpr void set_kind(std::string_view bytes, kind k) {
        for (const char each : bytes) {
            kinds[static_cast<unsigned char>(each)] = k;
        }
    }

    constexpr number_table() {
        set_kind("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*^_`|~", other);
        set_kind("123456789", digit);
        set_kind("0", zero);
        set_kind("-", minus);
        set_kind("+", plus);
        set_kind(".", point);
        set_kind("eE", letter_e);
        for (auto& row : next) {
            row.fill(state::no_number);
            row[no_token] = state::ended;
        }
        set(state::begin, minus, state::minus);
        for (const auto each : {state::begin, state::minus}) {
            set(each, zero, state::zero);
            set(each, digit, state::integer);
        }
        for (const auto each : {state::zero, state::integer}) {
            set(each, point, state::point);
            set(each, letter_e, state::exponent);
        }
        set(state::fraction, letter_e, state::exponent);
        set(state::exponent, minus, state::sign);
        set(state::exponent, plus, state::sign);
        for (const auto any_digit : {zero, digit}) {
            set(state::integer, any_digit, state::integer);
            set(state::point, any_digit, state::fraction);
            set(state::fraction, any_digit, state::fraction);
            for (const auto each : {state::exponent, state::sign, state::power}) {
                set(each, any_digit, state::power);
            }
        }
    }
};

namespace {

constexpr number_table number_states;

}  // namespace

const char* first_token::scan(const char* at, const char* last) noexcept {
    const auto next = [this](char byte) {
        return number_states
            .next[static_cast<std::size_t>(number_)][number_states.kinds[static_cast<unsigned char>(byte)]];
    };
    for (;;) {
        while (at != last && next(*at) == number_) {  // the run of digits, or of letters, that most of a long token is
            ++at;
        }
        if (at == last || next(*at) == state::ended) {
            return at;
        }
        number_ = next(*at++);
    }
}

bool first_token::is_number() const noexcept {
    return number_ == state::zero || number_ == state::integer || number_ == state::fraction || number_ == state::power;
}

}  // namespace gatherd::api::protocol
