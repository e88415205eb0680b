// How many threads of the CPU a call may compute on now: the one budget of all engines in the process. Its threads spin where they
// wait for each other, so that with one more of them than free cores a call takes many times as long.
// Owns the claims; knows no model. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

namespace pgenrm {

class ThreadBudget;

// What one caller computes on. A claim counts from take() to done(), and a little longer, for callers call again and again.
class ThreadClaim {
 public:
  ThreadClaim();
  ~ThreadClaim();
  ThreadClaim(const ThreadClaim&) = delete;
  ThreadClaim& operator=(const ThreadClaim&) = delete;

  // Threads for the next call, 1 to `most`: no more than its share of the cores that others leave. Few different numbers, for
  // each of them may be a pool of threads.
  int32_t take(int32_t most);

  // The call has ended.
  void done();

  // How long that call took, and for how long its caller's thread had a core. Where others had it much of the time, the next calls
  // take fewer threads for a while.
  void note(std::chrono::nanoseconds wall, std::chrono::nanoseconds on_core);

 private:
  friend class ThreadBudget;
  using Clock = std::chrono::steady_clock;

  int32_t n_ = 0;
  bool computes_ = false;             // between take() and done()
  Clock::time_point last_{};          // of take() or done()
  int32_t limit_ = 0;                 // until `limited_until_`
  Clock::time_point limited_until_{};
  std::chrono::milliseconds backoff_;
};

// Time that the calling thread has had a core; none where the system does not tell.
std::chrono::nanoseconds thread_time();

// Threads of so many that are worth a pool of their own: 1, 2, 3, 4, 6, 8, 12, 16, 24 ... and `most`.
int32_t rounded_threads(int32_t n, int32_t most);

// Cores for one of several claims: its fair share of what others in the system leave, or more where other claims leave it.
// `free_cores`: those of the machine less what other processes use; `others`: threads of the other active claims.
int32_t claimed_threads(double free_cores, int32_t others, int32_t n_active, int32_t most);

}  // namespace pgenrm
