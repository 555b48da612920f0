#include "api/plan/model/registry.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "api/plan/model/nearest_name.hpp"
#include "tests/unit/functions/recording_context.hpp"

using gatherd::api::value;
using gatherd::api::functions::tests::standard;
using gatherd::api::plan::function;
using gatherd::api::plan::nearest_name;
using gatherd::api::plan::parameter;
using gatherd::api::plan::plain_body;
using gatherd::api::plan::registry;

namespace {

function named(std::string name) {
    const plain_body nothing = [](gatherd::api::plan::call_context&, gatherd::api::plan::arguments) {
        return value(nullptr);
    };
    return {.name = std::move(name), .summary = "", .parameters = {}, .body = nothing};
}

/// A function's parameters as Python's inspect.signature would print them.
std::string signature(const function& f) {
    std::string text;
    for (const parameter& p : f.parameters) {
        text += text.empty() ? "" : ", ";
        text += p.variadic ? "*" : "";
        text += p.name;
        if (p.default_value) {
            text.append("=").append(p.default_value->dump());
        }
    }
    return f.name + "(" + text + ")";
}

}  // namespace

TEST_CASE("registry: finds what was added, and nothing else", "[plan]") {
    registry functions;
    functions.add(named("one"));
    REQUIRE(functions.find("one") != nullptr);
    CHECK(functions.find("one")->name == "one");
    CHECK(functions.find("two") == nullptr);
    CHECK(functions.find("") == nullptr);
}

TEST_CASE("registry: a name is taken once", "[plan]") {
    registry functions;
    functions.add(named("one"));
    CHECK_THROWS_AS(functions.add(named("one")), std::logic_error);
    CHECK(functions.all().size() == 1);
}

TEST_CASE("registry: a function's place outlives further additions", "[plan]") {
    registry functions;
    functions.add(named("first"));
    const function* first = functions.find("first");
    for (int i = 0; i < 1000; ++i) {
        functions.add(named(std::to_string(i)));
    }
    CHECK(functions.find("first") == first);
}

TEST_CASE("registry: a misspelt name is near to the one that was meant", "[plan]") {
    CHECK(standard().nearest("random.unifrom") == "random.uniform");
    CHECK(standard().nearest("slep") == "sleep");
    CHECK(standard().nearest("Sleep") == "sleep");
    CHECK(standard().nearest("pritn") == "print");
    CHECK(standard().nearest("random.randInt") == "random.randint");
    CHECK(standard().nearest("time.slep") == "time.sleep");
    CHECK(standard().nearest("hash_sha256") == "hash.sha256");
    CHECK(standard().nearest("random.choise") == "random.choice");
}

TEST_CASE("registry: a name without its family is near to the whole one", "[plan]") {
    CHECK(standard().nearest("uniform") == "random.uniform");
    CHECK(standard().nearest("sha256") == "hash.sha256");
}

TEST_CASE("registry: a name that is like no other has no nearest one", "[plan]") {
    CHECK(standard().nearest("").empty());
    CHECK(standard().nearest("x").empty());
    CHECK(standard().nearest("foo").empty());
    CHECK(standard().nearest("os.system").empty());
    CHECK(standard().nearest("\xff\xfe").empty());
    CHECK(standard().nearest(std::string(64 * 1024 * 1024, 's')).empty());
    CHECK(registry{}.nearest("sleep").empty());
}

TEST_CASE("registry: of two names equally near the first is proposed", "[plan]") {
    for (const bool reversed : {false, true}) {
        registry functions;
        functions.add(named(reversed ? "cat" : "bat"));
        functions.add(named(reversed ? "bat" : "cat"));
        CHECK(functions.nearest("rat") == "bat");
    }
}

TEST_CASE("nearest_name: slips are insertions, deletions, replacements and swaps, up to four", "[plan]") {
    const auto is_near = [](std::string_view misspelt, std::string_view known) {
        nearest_name nearest{misspelt};
        nearest.consider(known);
        return nearest.found() == known;
    };
    const std::string name = "resize_all_images_of_a_folder";
    CHECK(is_near(name, "rseiez_all_images_of_folder"));        // two swaps, two deletions
    CHECK(is_near(name, "resize_all_images_of_a_folder1234"));  // four insertions
    CHECK(is_near(name, "ze_all_images_of_a_folder"));          // four deletions, at the beginning
    CHECK(is_near(name, "RESIZE_all_images_of_a_f__der12"));
    CHECK_FALSE(is_near(name, "RESIZE_all_images_of_a_f__der123"));
    CHECK_FALSE(is_near(name, "resize_all_images_of_a_folder12345"));
    CHECK_FALSE(is_near(name, "e_all_images_of_a_folder"));
    CHECK_FALSE(is_near(name, "rseiez_lal_mIagse_of_a_folder"));
}

TEST_CASE("nearest_name: of very many names not all are considered", "[plan]") {
    const std::string prefix(110, 'n');
    for (const std::string& misspelt : {prefix + "0000x", std::string{"short"}}) {
        nearest_name nearest{misspelt};
        int considered = 0;
        std::vector<std::string> names;
        for (; !nearest.is_tired() && considered < 10'000; ++considered) {
            names.push_back(prefix + std::to_string(10'000 + considered));
            nearest.consider(names.back());
        }
        CHECK(considered <= (misspelt.size() > prefix.size() ? 8192 / 110 : 8192 / 4));
    }
}

TEST_CASE("registry: lists the standard functions by name, with Python's signatures", "[plan]") {
    std::vector<std::string> signatures;
    for (const function* f : standard().all()) {
        signatures.push_back(signature(*f));
        CHECK_FALSE(f->summary.empty());
    }
    CHECK(signatures ==
          std::vector<std::string>{
              "add(*terms)",
              "compress.gunzip(data, binary=false, max_output=16777216)",
              "compress.gzip(data, level=6, binary=false)",
              "echo(value=null)",
              "fail(type=\"Exception\", message=\"\")",
              "file.list(path)",
              "file.read(path, binary=false, max_bytes=16777216)",
              "file.remove(path)",
              "file.stat(path)",
              "file.write(path, data, append=false, binary=false)",
              "hash.crc32(data, binary=false)",
              "hash.md5(data, binary=false)",
              "hash.sha1(data, binary=false)",
              "hash.sha256(data, binary=false)",
              "hash.sha512(data, binary=false)",
              "hash.xxh64(data, binary=false)",
              "http.get(url, headers={}, timeout=30, follow=5, max_body=16777216, check=false, binary=false)",
              "http.request(url, method=\"GET\", headers={}, body=null, json=null, timeout=30, follow=5, "
              "max_body=16777216, "
              "check=false, binary=false)",
              "json.dumps(value)",
              "json.loads(text)",
              "len(obj)",
              "max(*values)",
              "min(*values)",
              "noop()",
              "operator.contains(a, b)",
              "operator.eq(a, b)",
              "operator.ge(a, b)",
              "operator.getitem(a, b)",
              "operator.gt(a, b)",
              "operator.le(a, b)",
              "operator.lt(a, b)",
              "operator.ne(a, b)",
              "operator.not_(obj)",
              "print(*values)",
              "process.run(argv, stdin=null, env=null, cwd=null, timeout=null, check=false, "
              "max_output=1048576, binary=false)",
              "random.choice(seq)",
              "random.choices(population, k=1)",
              "random.expovariate(lambd=1.0)",
              "random.gauss(mu=0.0, sigma=1.0)",
              "random.getrandbits(k)",
              "random.randint(a, b)",
              "random.random()",
              "random.randrange(*a)",
              "random.sample(population, k)",
              "random.shuffle(seq)",
              "random.uniform(a, b)",
              "range(*bounds)",
              "sleep(delay, result=null)",
              "sorted(values, reverse=false)",
              "stats.describe(numbers)",
              "str.format(template, *values)",
              "str.join(sep, parts)",
              "str.split(text, sep=null)",
              "sum(values)",
              "text.search(texts, pattern)",
              "time.monotonic()",
              "time.sleep(seconds)",
              "time.time()",
              "zip(*lists)",
          });
}
