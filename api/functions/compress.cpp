/// \file
/// gzip by zlib, a block on each core.
#include "api/functions/families.hpp"

#include <oneapi/tbb/parallel_for.h>
#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "api/functions/abandoned.hpp"
#include "api/functions/argument.hpp"
#include "api/functions/option.hpp"
#include "api/plan/model/function.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::raised;

constexpr char gzip_name[] = "compress.gzip";
constexpr char gunzip_name[] = "compress.gunzip";

constexpr std::size_t default_max_output = std::size_t{16} << 20;
constexpr std::size_t most_output_bytes = std::size_t{256} << 20;
constexpr std::size_t brief_to_compress = std::size_t{4} << 10;  // some 100 us

constexpr int window_bits = 15;
constexpr std::size_t window_bytes = std::size_t{1} << window_bits;
constexpr std::size_t block_bytes = std::size_t{128} << 10;  // as pigz has it

unsigned char* bytes_of(std::string& text) noexcept {
    return reinterpret_cast<unsigned char*>(text.data());
}

/// zlib's streams take what they only read as not const.
unsigned char* bytes_of(std::string_view text) noexcept {
    return const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(text.data()));
}

void require_memory(int status) {
    if (status == Z_MEM_ERROR) {
        throw std::bad_alloc{};
    }
    if (status != Z_OK) {
        throw raised{"RuntimeError", std::string{"zlib cannot begin: "} + zError(status)};
    }
}

struct compressor {
    explicit compressor(int level) {
        constexpr int memory_level = 8;
        require_memory(deflateInit2(&stream, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY));
    }
    ~compressor() { deflateEnd(&stream); }
    compressor(const compressor&) = delete;
    compressor& operator=(const compressor&) = delete;

    z_stream stream{};
};

/// One block of `all` as a part of one deflate stream: what is before it is known to it as a dictionary, and it ends at
/// a whole byte.
std::string deflated_block(std::string_view all, std::size_t begin, int level) {
    const std::string_view block = all.substr(begin, block_bytes);
    const std::string_view before = all.substr(begin - std::min(begin, window_bytes), std::min(begin, window_bytes));
    compressor one{level};
    if (!before.empty()) {
        require_memory(deflateSetDictionary(&one.stream, bytes_of(before), static_cast<uInt>(before.size())));
    }
    constexpr std::size_t flush_bytes = 16;
    std::string out(deflateBound(&one.stream, static_cast<uLong>(block.size())) + flush_bytes, '\0');
    one.stream.next_in = bytes_of(block);
    one.stream.avail_in = static_cast<uInt>(block.size());
    one.stream.next_out = bytes_of(out);
    one.stream.avail_out = static_cast<uInt>(out.size());
    const bool is_last = begin + block.size() == all.size();
    const int status = deflate(&one.stream, is_last ? Z_FINISH : Z_SYNC_FLUSH);
    if (status != (is_last ? Z_STREAM_END : Z_OK) || one.stream.avail_in != 0) {
        throw raised{"RuntimeError", std::string{"zlib cannot compress: "} + zError(status)};
    }
    out.resize(out.size() - one.stream.avail_out);
    return out;
}

void append_number(std::string& text, std::uint32_t n) {
    for (int byte = 0; byte < 4; ++byte, n >>= 8U) {
        text.push_back(static_cast<char>(n & 0xFFU));
    }
}

/// The same bytes for the same input, on however many cores.
std::string gzipped(std::string_view all, int level) {
    struct block {
        std::string deflated{};
        uLong checksum = 0;
    };
    std::vector<block> blocks(std::max<std::size_t>((all.size() + block_bytes - 1) / block_bytes, 1));
    const auto compress_block = [&blocks, all, level](std::size_t i) {
        const std::string_view bytes = all.substr(i * block_bytes, block_bytes);
        blocks[i] = {deflated_block(all, i * block_bytes, level), crc32_z(0, bytes_of(bytes), bytes.size())};
    };
    if (blocks.size() == 1) {
        compress_block(0);
    } else {
        oneapi::tbb::parallel_for(std::size_t{0}, blocks.size(), compress_block);
        throw_if_abandoned();
    }
    using namespace std::string_literals;
    std::string out = "\x1f\x8b\x08\0\0\0\0\0\0\xff"s;  // no name, no time, of no system
    uLong checksum = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        out += blocks[i].deflated;
        blocks[i].deflated = {};
        checksum = crc32_combine(checksum, blocks[i].checksum,
                                 static_cast<z_off_t>(std::min(block_bytes, all.size() - i * block_bytes)));
    }
    append_number(out, static_cast<std::uint32_t>(checksum));
    append_number(out, static_cast<std::uint32_t>(all.size()));
    return out;
}

struct decompressor {
    decompressor() {
        constexpr int gzip_only = 16;
        require_memory(inflateInit2(&stream, window_bits + gzip_only));
    }
    ~decompressor() { inflateEnd(&stream); }
    decompressor(const decompressor&) = delete;
    decompressor& operator=(const decompressor&) = delete;

    z_stream stream{};
};

[[noreturn]] void refuse_gzip(const std::string& reason) {
    throw raised{"ValueError", std::string{gunzip_name} + "(): data is no gzip: " + reason};
}

/// All members of a gzip file, one after the other. Zeros after the last one are padding.
std::string gunzipped(std::string_view bytes, std::size_t max_output) {
    constexpr std::size_t piece = std::size_t{256} << 10;
    decompressor one;
    one.stream.next_in = bytes_of(bytes);
    one.stream.avail_in = static_cast<uInt>(bytes.size());
    std::string out;
    std::size_t filled = 0;
    for (;;) {
        // One byte more than is allowed, to see whether there is one.
        out.resize(std::min(std::max(filled + std::min(piece, max_output), filled * 2), max_output) + 1);
        const std::size_t room = std::min(out.size() - filled, piece);
        one.stream.next_out = bytes_of(out) + filled;
        one.stream.avail_out = static_cast<uInt>(room);
        const int status = inflate(&one.stream, Z_NO_FLUSH);
        filled += room - one.stream.avail_out;
        if (filled > max_output) {
            throw raised{"OverflowError", std::string{gunzip_name} + ": data gives more than max_output, " +
                                              std::to_string(max_output) + " bytes"};
        }
        if (status == Z_STREAM_END) {
            const std::string_view rest = bytes.substr(bytes.size() - one.stream.avail_in);
            if (rest.find_first_not_of('\0') == std::string_view::npos) {
                out.resize(filled);
                return out;
            }
            require_memory(inflateReset(&one.stream));
        } else if (status == Z_MEM_ERROR) {
            throw std::bad_alloc{};
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            refuse_gzip(one.stream.msg != nullptr ? one.stream.msg : zError(status));
        } else if (one.stream.avail_in == 0 && one.stream.avail_out != 0) {
            refuse_gzip("it ends too early");
        }
        throw_if_abandoned();
    }
}

value gzip(plan::call_context&, arguments given) {
    const argument data{gzip_name, "data", given[0]};
    const auto level = static_cast<int>(argument{gzip_name, "level", given[1]}.count(0, 9));
    const bool is_binary = argument{gzip_name, "binary", given[2]}.flag();
    return to_base64(is_binary ? gzipped(data.bytes(true), level) : gzipped(data.text(), level));
}

value gunzip(plan::call_context&, arguments given) {
    const bool is_binary = argument{gunzip_name, "binary", given[1]}.flag();
    const std::size_t max_output = argument{gunzip_name, "max_output", given[2]}.count(0, most_output_bytes);
    return bytes_value(gunzipped(argument{gunzip_name, "data", given[0]}.bytes(true), max_output), is_binary);
}

bool is_brief_to_gzip(arguments given) {
    return !given[0].is_string() || given[0].get_ref<const std::string&>().size() <= brief_to_compress;
}

/// A short text may be a bomb, but not if its output is short.
bool is_brief_to_gunzip(arguments given) {
    return is_brief_to_gzip(given) && given[2].is_number_integer() && given[2].get<double>() <= 65536.0;
}

}  // namespace

void add_compress(plan::registry& functions) {
    functions.add(
        {.name = gzip_name,
         .summary = "Compresses a text's UTF-8 bytes, or the bytes that it holds as base64, and gives base64.",
         .parameters = {{.name = "data", .type = "text", .help = "what to compress"},
                        option("level", 6, "integer", "from 0, not at all, to 9, slow and small"),
                        option("binary", false, "boolean", "whether data is base64")},
         .pool = plan::thread_pool::compute,
         .body = gzip,
         .is_brief = is_brief_to_gzip,
         .errors = {"TypeError", "ValueError"},
         .example = {R"({"call": "compress.gzip", "args": ["aaaaaaaaaaaaaaaa"]})",
                     R"("H4sIAAAAAAAA/0tMRAUA1WjWzxAAAAA=")"}});
    functions.add({.name = gunzip_name,
                   .summary = "The text of which gzip made these bytes, or the bytes themselves, as base64.",
                   .parameters = {{.name = "data", .type = "text", .help = "base64 of a gzip file"},
                                  option("binary", false, "boolean", "whether to give base64"),
                                  option("max_output", default_max_output, "integer",
                                         "how much it may become; more is OverflowError", "bytes")},
                   .pool = plan::thread_pool::compute,
                   .body = gunzip,
                   .is_brief = is_brief_to_gunzip,
                   .errors = {"TypeError", "ValueError", "OverflowError"},
                   .example = {R"({"call": "compress.gunzip", "args": ["H4sIAAAAAAAA/0tMRAUA1WjWzxAAAAA="]})",
                               R"("aaaaaaaaaaaaaaaa")"}});
}

}  // namespace gatherd::api::functions
