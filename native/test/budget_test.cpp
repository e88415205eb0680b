// The budget of threads: shares add up to no more than the cores where there is one for each claim, whoever comes first.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "engine/thread_budget.h"
#include "test/expect.h"

namespace {

using namespace pgenrm;

void few_numbers_of_threads_are_used() {
  const int32_t expected[] = {1, 2, 3, 4, 4, 6, 6, 8, 8, 8, 8, 12};
  for (int32_t n = 1; n <= 12; ++n) EXPECT(rounded_threads(n, 64) == expected[n - 1]);
  EXPECT(rounded_threads(7, 7) == 7 && rounded_threads(9, 7) == 7 && rounded_threads(1, 1) == 1);
  for (int32_t most = 1; most <= 70; ++most) {
    for (int32_t n = 1; n <= 80; ++n) {
      const int32_t rounded = rounded_threads(n, most);
      EXPECT(rounded >= 1 && rounded <= std::min(n, most) && 2 * rounded > std::min(n, most));
    }
  }
}

void claims_share_what_is_free() {
  EXPECT(claimed_threads(2, 0, 1, 2) == 2);     // alone on an idle machine
  EXPECT(claimed_threads(2, 0, 1, 1) == 1);     // a cap is a cap
  EXPECT(claimed_threads(0.6, 0, 1, 2) == 1);   // two busy processes on two cores
  EXPECT(claimed_threads(-3, 0, 1, 8) == 1);    // never none
  EXPECT(claimed_threads(2, 1, 2, 2) == 1);
  EXPECT(claimed_threads(8, 1, 2, 8) == 6);     // the other one takes one
  // Claims that take turns come to an even share, whoever had all.
  for (int32_t n_cores = 2; n_cores <= 64; n_cores *= 2) {
    for (int32_t n = 2; n <= n_cores; n *= 2) {
      std::vector<int32_t> claims(static_cast<size_t>(n), 1);
      claims[0] = n_cores;
      for (int round = 0; round < 20; ++round) {
        for (int32_t& claim : claims) {
          int32_t others = -claim;
          for (const int32_t other : claims) others += other;
          claim = claimed_threads(n_cores, others, n, n_cores);
        }
      }
      int32_t all = 0;
      for (const int32_t claim : claims) all += claim;
      EXPECT(all <= n_cores);
      EXPECT(*std::min_element(claims.begin(), claims.end()) >= n_cores / n);
    }
  }
}

void a_call_whose_core_was_taken_is_followed_by_smaller_ones() {
  using std::chrono::milliseconds;
  ThreadClaim claim;
  const int32_t n = claim.take(64);
  EXPECT(n >= 1 && n <= 64);
  if (n == 1) return;  // one core, or others have them
  claim.done();
  claim.note(milliseconds(10), milliseconds(2));
  EXPECT(claim.take(64) <= std::max(1, n / 2));
  // Time without a core in a short call tells nothing.
  ThreadClaim other;
  const int32_t before = other.take(2);
  other.note(milliseconds(0), milliseconds(0));
  EXPECT(other.take(2) <= 2 && before <= 2);
}

// A call of a large model takes seconds: the claim counts as long.
void a_long_call_counts_to_its_end() {
  ThreadClaim long_one;
  if (long_one.take(2) < 2) return;  // one core, or others have them
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  ThreadClaim other;
  const int32_t beside = other.take(64);
  other.done();
  long_one.done();
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  const int32_t alone = other.take(64);
  EXPECT(beside <= std::max(1, static_cast<int32_t>(std::thread::hardware_concurrency()) - 1));
  EXPECT(alone >= beside || alone == 1);
}

// Claims from many threads at once, that come and go.
void claims_are_made_anywhere() {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 50; ++round) {
        ThreadClaim claim;
        for (int call = 0; call < 5; ++call) {
          EXPECT(claim.take(1 + call) <= 1 + call);
          claim.done();
          claim.note(std::chrono::milliseconds(2), std::chrono::milliseconds(call));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto before = thread_time();
  double sum = 0;
  for (int i = 0; i < 3'000'000; ++i) sum += i * 0.5;
  EXPECT(sum > 0 && thread_time() >= before);
}

}  // namespace

int main() {
  few_numbers_of_threads_are_used();
  claims_share_what_is_free();
  a_call_whose_core_was_taken_is_followed_by_smaller_ones();
  a_long_call_counts_to_its_end();
  claims_are_made_anywhere();
  std::printf("budget: claims share the cores\n");
}
