#include "api/protocol/structure_scanner.hpp"

#include <array>
#include <bit>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>

#endif

namespace gatherd::api::protocol {
namespace {

constexpr bool ends_run(char byte) noexcept {
    return byte == '"' || byte == '\\' || byte == '\n';
}

constexpr unsigned block_size = 16;

// A bit for each byte of a block that ends a run.
#if defined(__SSE2__)
unsigned ends_in(const char* block) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block));
    const auto equal = [bytes](char byte) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte)); };
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(equal('"'), equal('\\')), equal('\n'))));
}
#else
unsigned ends_in(const char* block) noexcept {
    unsigned found = 0;
    for (unsigned i = 0; i < block_size; ++i) {
        found |= (ends_run(block[i]) ? 1U : 0U) << i;
    }
    return found;
}
#endif

// Where a string's text ends or needs a look. A block at a time: most bytes of most messages stand in strings.
const char* end_of_run(const char* at, const char* last) noexcept {
    for (; last - at >= block_size; at += block_size) {
        if (const unsigned found = ends_in(at); found != 0) {
            return at + std::countr_zero(found);
        }
    }
    while (at != last && !ends_run(*at)) {
        ++at;
    }
    return at;
}

}  // namespace

// What each byte means where. Most bytes lead from one state to another; behind those come the actions.
struct scanner_table {
    using state = structure_scanner::state;

    enum kind : unsigned char {
        other,
        space,
        line_feed,
        quote,
        colon,
        comma,
        brace,
        bracket,
        closing_brace,
        closing_bracket
    };
    enum action : unsigned char {
        open_object = static_cast<unsigned char>(state::name_text) + 1,
        open_array,
        close_object,
        close_array,
        separate,
        end_line,
        fail,
    };

    std::array<unsigned char, 256> kinds{};
    std::array<std::array<unsigned char, 16>, 7> next{};  // 16 where 10 are needed: quicker to find

    constexpr void set(state from, kind byte, auto to) {
        next[static_cast<std::size_t>(from)][byte] = static_cast<unsigned char>(to);
    }

    constexpr scanner_table() {
        constexpr std::string_view special = " \n\":,{[}]";
        for (std::size_t i = 0; i < special.size(); ++i) {
            kinds[static_cast<unsigned char>(special[i])] = static_cast<unsigned char>(i + 1);
        }
        kinds['\t'] = kinds['\r'] = space;
        for (auto& row : next) {
            row.fill(fail);
        }
        for (const auto each : {state::value, state::value_or_end, state::name, state::name_or_end, state::colon}) {
            set(each, space, each);
            set(each, line_feed, each);
        }
        for (const auto each : {state::value, state::value_or_end}) {
            set(each, other, state::bare);
            set(each, quote, state::text);
            set(each, brace, open_object);
            set(each, bracket, open_array);
        }
        set(state::value_or_end, closing_bracket, close_array);
        set(state::name, quote, state::name_text);
        set(state::name_or_end, quote, state::name_text);
        set(state::name_or_end, closing_brace, close_object);
        set(state::colon, colon, state::value);
        for (const auto each : {state::bare, state::after_value}) {
            set(each, space, state::after_value);
            set(each, line_feed, end_line);
            set(each, comma, separate);
            set(each, closing_brace, close_object);
            set(each, closing_bracket, close_array);
        }
        set(state::bare, other, state::bare);
    }
};

namespace {

constexpr scanner_table table;

}  // namespace

// The closing quote, or the line feed that no string may hold, or `last`.
inline const char* structure_scanner::end_of_string(const char* at, const char* last) noexcept {
    for (;;) {
        if (is_escaped_) {
            if (at == last || *at == '\n') {
                return at;
            }
            is_escaped_ = false;
            ++at;
        }
        at = end_of_run(at, last);
        if (at == last || *at != '\\') {
            return at;
        }
        is_escaped_ = true;
        ++at;
    }
}

inline void structure_scanner::open(nesting& nest, bool object) {
    if (nest.depth != 0 && nest.depth % 64 == 0) {
        if (outer_ == nullptr) {
            outer_ = std::make_unique<std::vector<std::uint64_t>>();
        }
        outer_->push_back(nest.levels);
    }
    nest.levels = nest.levels << 1U | (object ? 1U : 0U);
    ++nest.depth;
}

inline void structure_scanner::close(nesting& nest) noexcept {
    --nest.depth;
    nest.levels >>= 1U;
    if (nest.depth != 0 && nest.depth % 64 == 0) {
        nest.levels = outer_->back();
        outer_->pop_back();
    }
}

// What most of a message is, names and strings and objects with commas between, is found by looking for it; the rest by
// the table, which alone would do.
structure_scanner::step structure_scanner::scan(const char* at, const char* last) {
    auto now = state_;
    auto nest = nesting_;
    const auto stop = [&](outcome what, const char* end) {
        state_ = now;
        nesting_ = nest;
        return step{what, end};
    };
    const auto end_value = [&] {
        now = state::after_value;
        if (at != last && *at == ',' && nest.depth != 0) {
            now = nest.in_object() ? state::name : state::value;
            ++at;
        }
    };
    const auto skip_spaces = [&] {  // those that a line is indented by
        while (at != last && *at == ' ') {
            ++at;
        }
    };
    while (at != last) {
        if (now >= state::text || (*at == '"' && now <= state::name_or_end)) {
            if (now < state::text) {
                now = now >= state::name ? state::name_text : state::text;
                ++at;
            }
            at = end_of_string(at, last);
            if (at == last) {
                break;
            }
            if (*at == '\n') {
                return stop(outcome::broken, at);
            }
            ++at;
            if (now == state::text) {
                end_value();
            } else if (at != last && *at == ':') {
                now = state::value;
                ++at;
            } else {
                now = state::colon;
            }
            continue;
        }
        const auto next = table.next[static_cast<std::size_t>(now)][table.kinds[static_cast<unsigned char>(*at)]];
        ++at;
        if (next == scanner_table::open_object || next == scanner_table::open_array) {
            open(nest, next == scanner_table::open_object);
            now = nest.in_object() ? state::name_or_end : state::value_or_end;
            if (nest.depth > max_depth_ && !told_depth_) {
                told_depth_ = true;
                return stop(outcome::too_deep, at);
            }
        } else if (next == scanner_table::close_object || next == scanner_table::close_array) {
            if (nest.depth == 0 || nest.in_object() != (next == scanner_table::close_object)) {
                return stop(outcome::broken, at - 1);
            }
            close(nest);
            if (nest.depth == 0) {
                now = state::after_value;
                return stop(outcome::complete, at);
            }
            end_value();
        } else if (next == scanner_table::separate) {
            if (nest.depth == 0) {
                return stop(outcome::broken, at - 1);
            }
            now = nest.in_object() ? state::name : state::value;
        } else if (next == scanner_table::end_line) {
            now = state::after_value;
            if (nest.depth == 0) {
                return stop(outcome::scalar, at - 1);
            }
            skip_spaces();
        } else if (next == scanner_table::fail) {
            return stop(outcome::broken, at - 1);
        } else {
            now = static_cast<state>(next);
            if (at[-1] == '\n') {
                skip_spaces();
            }
        }
    }
    return stop(outcome::more, at);
}

std::string_view structure_scanner::expected() const noexcept {
    switch (state_) {
        case state::value:
            return nesting_.depth == 0 ? "'{' or '[', which a message begins with" : "a value";
        case state::value_or_end:
            return "a value or ']'";
        case state::name:
            return "a member's name in double quotes";
        case state::name_or_end:
            return "a member's name in double quotes or '}'";
        case state::colon:
            return "':'";
        case state::text:
        case state::name_text:
            return "the rest of a string, in which a line end is written \\n";
        default:
            return nesting_.depth == 0    ? "the end of the line after a value that is no object or array"
                   : nesting_.in_object() ? "',' or '}'"
                                          : "',' or ']'";
    }
}

void structure_scanner::reset() noexcept {
    nesting_ = {};
    state_ = state::value;
    is_escaped_ = false;
    told_depth_ = false;
    outer_.reset();
}

}  // namespace gatherd::api::protocol
