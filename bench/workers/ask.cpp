/// \file
/// One client that asks the same again and again, each time when it has been answered.
///
/// Usage: ask PORT COUNT LINE RESULT    prints the median of the times in us; each answer has to contain RESULT
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "bench/workers/process.hpp"

int main(int count, char** words) {
    using namespace gatherd::bench;
    using clock = std::chrono::steady_clock;
    if (count != 5) {
        std::fputs("usage: ask PORT COUNT LINE RESULT\n", stderr);
        return 2;
    }
    const int server = checked(::socket(AF_INET, SOCK_STREAM, 0), "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(words[1])));
    checked(::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
    const int yes = 1;
    checked(::setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), "TCP_NODELAY");
    const std::size_t rounds = std::strtoul(words[2], nullptr, 10);
    const std::string line = std::string{words[3]} + "\n";
    std::vector<double> took;
    std::string answer;
    for (std::size_t i = 0; i < rounds + rounds / 10; ++i) {
        answer.clear();
        const auto begin = clock::now();
        send_whole(server, line);
        do {
            receive_more(server, answer);
        } while (answer.back() != '\n');
        if (i >= rounds / 10) {  // the first are to warm up
            took.push_back(std::chrono::duration<double, std::micro>{clock::now() - begin}.count());
        }
        if (answer.find(words[4]) == answer.npos) {
            std::fprintf(stderr, "a wrong answer: %s", answer.c_str());
            return 1;
        }
    }
    const auto middle = took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2);
    std::nth_element(took.begin(), middle, took.end());
    std::printf("%f\n", *middle);
}
