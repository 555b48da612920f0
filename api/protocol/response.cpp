#include "api/protocol/response.hpp"

#include "api/protocol/json_writer.hpp"

namespace gatherd::api::protocol {
namespace {

void append_head(std::string& out, const request_id& id) {
    out += R"({"jsonrpc":"2.0","id":)";
    out += id.text();
}

void append_notification_head(std::string& out, std::string_view method) {
    out += R"({"jsonrpc":"2.0","method":)";
    append_string(out, method);
    out += R"(,"params":)";
}

}  // namespace

void append_result_head(std::string& out, const request_id& id) {
    append_head(out, id);
    out += R"(,"result":)";
}

void append_result(std::string& out, const request_id& id, const value& result) {
    append_result_head(out, id);
    append_value(out, result);
    out += '}';
}

void append_error(std::string& out, const request_id& id, const error& reason) {
    append_head(out, id);
    out += R"(,"error":)";
    append_error_body(out, reason);
    out += '}';
}

void append_error_around(std::string& out, const request_id& id, std::string_view body) {
    append_head(out, id);
    out += R"(,"error":)";
    out += body;
    out += '}';
}

void append_error_body(std::string& out, const error& reason) {
    out += R"({"code":)";
    append_integer(out, static_cast<int>(reason.code));
    out += R"(,"message":)";
    append_string(out, reason.message);
    if (reason.data) {
        out += R"(,"data":)";
        append_value(out, *reason.data);
    }
    out += '}';
}

void append_error(std::string& out, const refusal& answer) {
    append_error(out, answer.id, answer.reason);
}

void append_notification(std::string& out, std::string_view method, const value& params) {
    append_notification_head(out, method);
    append_value(out, params);
    out += '}';
}

void append_notification(std::string& out, std::string_view method, const request_id& request, const value& params) {
    append_notification_head(out, method);
    const std::size_t at = out.size();
    append_value(out, params);
    const std::string_view separator = out[at + 1] == '}' ? "" : ",";
    out.insert(at + 1, std::string{R"("request":)"}.append(request.text()).append(separator));
    out += '}';
}

void append_framed(std::string& out, framing spoken, std::string_view body) {
    if (spoken == framing::content_length) {
        out += "Content-Length: ";
        append_unsigned(out, body.size());
        out += "\r\n\r\n";
        out += body;
    } else {
        out += body;
        out += '\n';
    }
}

}  // namespace gatherd::api::protocol
