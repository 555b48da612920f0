#include "api/plan/read_options.hpp"

#include <cstddef>
#include <string>

#include "api/plan/refusal.hpp"

namespace gatherd::api::plan {

using protocol::json_kind, protocol::json_view;

gather_options read_gather_options(const node& at, const std::optional<json_view>& exceptions,
                                   const std::optional<json_view>& limit) {
    gather_options options;
    if (exceptions && !exceptions->is_null()) {
        if (!exceptions->is_boolean()) {
            refuse(at, "/return_exceptions", "return_exceptions is true or false");
        }
        options.return_exceptions = exceptions->as_boolean();
    }
    if (limit && !limit->is_null()) {
        options.limit = static_cast<std::size_t>(read_positive(*limit, at, "limit"));
    }
    return options;
}

std::uint64_t read_positive(json_view number, const node& at, std::string_view name) {
    if (number.kind() == json_kind::unsigned_integer) {
        return number.as_unsigned();
    }
    if (number.kind() != json_kind::integer || number.as_integer() < 1) {
        refuse(at, '/' + std::string{name}, std::string{name} + " is an integer of at least 1");
    }
    return static_cast<std::uint64_t>(number.as_integer());
}

std::optional<double> read_seconds(const members& m, option o, const node& at) {
    const auto number = m.given(o);
    if (!number) {
        return std::nullopt;
    }
    if (!number->is_number()) {
        const std::string name{name_of(o)};
        refuse(at, '/' + name, name + " is a number" + (o == option::factor ? "" : " of seconds"));
    }
    return number->as_number();
}

}  // namespace gatherd::api::plan
