// Who is given which request: the one that goes on from what the taker has, each once, none passed over for ever.
#include "engine/request_queue.h"

#include <map>
#include <random>
#include <string>

#include "test/expect.h"

namespace {

using namespace pgenrm;

// A prompt of a user: 20 tokens that all of theirs begin with, and three of the item.
Request of_user(uint64_t id, int32_t user, int32_t item) {
  Request request;
  request.id = id;
  request.prompt.assign(20, user);
  request.prompt.insert(request.prompt.end(), {item, item, item});
  request.seeds = {1};
  return request;
}

std::string taken(RequestQueue& queue, int taker, int n) {
  std::string users;
  for (int i = 0; i < n; ++i) {
    const auto request = queue.take(taker);
    users += request ? static_cast<char>('A' + request->prompt.front()) : '-';
  }
  return users;
}

void one_taker_is_given_a_user_after_the_other() {
  RequestQueue queue(1);
  for (int32_t i = 0; i < 9; ++i) queue.add(of_user(static_cast<uint64_t>(i) + 1, i % 3, i));
  EXPECT(taken(queue, 0, 10) == "AAABBBCCC-");
  for (int32_t i = 0; i < 4; ++i) queue.add(of_user(static_cast<uint64_t>(i) + 20, i % 2, i + 50));
  // It has of both, and the oldest comes first of what is worth the same.
  EXPECT(taken(queue, 0, 4) == "ABAB");
}

void what_nobody_has_comes_in_order_of_arrival() {
  RequestQueue queue(2);
  for (int32_t i = 0; i < 6; ++i) queue.add(of_user(static_cast<uint64_t>(i) + 1, i, i));
  EXPECT(taken(queue, 0, 3) == "ABC");
  EXPECT(taken(queue, 1, 3) == "DEF");
}

void two_takers_part_the_users() {
  RequestQueue queue(2);
  for (int32_t i = 0; i < 12; ++i) queue.add(of_user(static_cast<uint64_t>(i) + 1, i % 2, i));
  EXPECT(taken(queue, 0, 1) == "A" && taken(queue, 1, 1) == "B");
  for (int i = 0; i < 5; ++i) EXPECT(taken(queue, 0, 1) == "A" && taken(queue, 1, 1) == "B");
}

void few_are_left_to_who_has_their_prefix_and_many_are_not() {
  RequestQueue queue(2);
  for (int32_t i = 0; i < 5; ++i) queue.add(of_user(static_cast<uint64_t>(i) + 1, 0, i));
  EXPECT(taken(queue, 0, 1) == "A");
  EXPECT(taken(queue, 1, 1) == "-");  // four wait
  EXPECT(taken(queue, 0, 4) == "AAAA");
  for (int32_t i = 0; i < 5; ++i) queue.add(of_user(static_cast<uint64_t>(i) + 10, 0, i));
  EXPECT(taken(queue, 1, 1) == "A");  // five wait
  EXPECT(taken(queue, 1, 1) == "A");  // it has the prefix now
  queue.forget_given();
  EXPECT(taken(queue, 0, 1) == "A" && taken(queue, 1, 1) == "-");
}

void removed_and_cleared_ones_are_gone() {
  RequestQueue queue(1);
  for (int32_t i = 0; i < 3; ++i) queue.add(of_user(static_cast<uint64_t>(i) + 1, 0, i));
  EXPECT(queue.remove(2)->id == 2 && !queue.remove(2) && queue.size() == 2);
  EXPECT(queue.clear().size() == 2 && queue.size() == 0 && !queue.take(0));
}

// Every request comes out once, and few that came later come before it.
void run_once(uint32_t seed) {
  std::mt19937 random(seed);
  const int n_takers = 1 + static_cast<int>(random() % 3);
  RequestQueue queue(n_takers);
  std::map<uint64_t, int> passed;  // of those that wait
  uint64_t n_added = 0;
  size_t n_taken = 0;
  const auto take = [&] {
    const auto request = queue.take(static_cast<int>(random() % static_cast<uint32_t>(n_takers)));
    if (!request) return;
    n_taken += 1;
    EXPECT(passed.erase(request->id) == 1);
    for (auto& [id, n] : passed) {
      if (id < request->id) EXPECT(++n <= 64 + 1);
    }
  };
  for (int i = 0; i < 600; ++i) {
    // One user comes again and again, the others now and then.
    const auto user = static_cast<int32_t>(random() % 10 == 0 ? 1 + random() % 5 : 0);
    queue.add(of_user(++n_added, user, static_cast<int32_t>(random() % 7)));
    passed[n_added] = 0;
    if (random() % 20 != 0) take();
  }
  // Whatever is left to one is taken by another.
  for (int i = 0; i < 100000 && queue.size() > 0; ++i) take();
  EXPECT(queue.size() == 0 && n_taken == n_added && passed.empty());
}

}  // namespace

int main(int argc, char** argv) {
  one_taker_is_given_a_user_after_the_other();
  what_nobody_has_comes_in_order_of_arrival();
  two_takers_part_the_users();
  few_are_left_to_who_has_their_prefix_and_many_are_not();
  removed_and_cleared_ones_are_gone();
  const uint32_t n_runs = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 100;
  for (uint32_t seed = 1; seed <= n_runs; ++seed) run_once(seed);
  std::printf("request queue: %u random runs\n", n_runs);
  return 0;
}
