// A program that uses the installed service layers: it lists a function that plans may call.
#include <cstdio>

#include "api/functions/standard.hpp"
#include "api/plan/model/registry.hpp"

int main() {
    gatherd::api::plan::registry functions;
    gatherd::api::functions::add_standard(functions);
    std::puts(functions.find("hash.sha256")->name.c_str());
}
