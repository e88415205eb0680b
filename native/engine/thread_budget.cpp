#include "engine/thread_budget.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <time.h>
#endif
#if defined(__linux__)
#include <sched.h>
#include <unistd.h>
#endif

namespace pgenrm {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// A claim counts for so long after its last call: callers draw tokens between two.
constexpr milliseconds ACTIVE{20};
// The system counts in hundredths of a second.
constexpr milliseconds SAMPLED{60};
// A mean over longer than this says little about now.
constexpr milliseconds STALE{500};
// Less of the time than this with a core, in a call that is long enough to tell, is a core that was taken away.
constexpr double MUCH = 0.75;
constexpr milliseconds LONG_ENOUGH{1};
constexpr milliseconds FIRST_BACKOFF{10};
constexpr milliseconds LAST_BACKOFF{800};

#if !defined(_WIN32)
nanoseconds clock_time(clockid_t clock) {
  timespec t{};
  return clock_gettime(clock, &t) == 0 ? std::chrono::seconds(t.tv_sec) + nanoseconds(t.tv_nsec) : nanoseconds(0);
}
#endif

// Cores that other processes use: what is used of the cores that this one may use, less its own. Linux; elsewhere none that is known.
class OtherWork {
 public:
  double cores(Clock::time_point now) {
#if defined(__linux__)
    if (now - sampled_ < SAMPLED) return cores_;
    const nanoseconds busy = busy_time();
    const nanoseconds own = clock_time(CLOCK_PROCESS_CPUTIME_ID);
    const auto passed = std::chrono::duration_cast<nanoseconds>(now - sampled_);
    if (sampled_ != Clock::time_point{} && busy.count() > 0) {
      const double used =
          std::max(0.0, static_cast<double>((busy - busy_ - (own - own_)).count()) / static_cast<double>(passed.count()));
      // A short sample errs by a tick for each core, so that it counts half; the first one has nothing to be mixed with.
      cores_ = known_ && passed < STALE ? (cores_ + used) / 2 : used;
      if (passed > STALE) cores_ = std::max(cores_, running_now());
      known_ = true;
    }
    sampled_ = now;
    busy_ = busy;
    own_ = own;
    return cores_;
#else
    (void)now;
    return 0;
#endif
  }

 private:
#if defined(__linux__)
  // Time that is not idle and not given to work that gives way (nice), of the cores that this process may use.
  static nanoseconds busy_time() {
    std::FILE* file = std::fopen("/proc/stat", "re");
    if (!file) return nanoseconds(0);
    cpu_set_t allowed;
    const bool known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
    unsigned long long ticks = 0;
    char line[512];
    while (std::fgets(line, sizeof line, file)) {
      int cpu = 0;
      unsigned long long user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0;
      // The first line is the sum of all: `cpu` and a space.
      if (line[3] == ' ') continue;
      if (std::sscanf(line, "cpu%d %llu %llu %llu %llu %llu %llu %llu %llu", &cpu, &user, &nice, &system, &idle, &wait, &irq, &soft,
                      &steal) != 9) {
        continue;
      }
      if (!known || cpu >= CPU_SETSIZE || CPU_ISSET(cpu, &allowed)) ticks += user + system + irq + soft + steal;
    }
    std::fclose(file);
    static const long per_second = sysconf(_SC_CLK_TCK);
    return nanoseconds(ticks * (1'000'000'000ULL / static_cast<unsigned long long>(std::max(1L, per_second))));
  }
#endif

#if defined(__linux__)
  // Threads of others that run or wait for a core at this moment: all that do, less the caller and the thread that called it.
  static double running_now() {
    std::FILE* file = std::fopen("/proc/loadavg", "re");
    if (!file) return 0;
    int running = 0;
    const bool read = std::fscanf(file, "%*f %*f %*f %d/", &running) == 1;
    std::fclose(file);
    return read ? std::max(0, running - 2) : 0;
  }
#endif

  bool known_ = false;  // a sample was taken
  Clock::time_point sampled_{};
  nanoseconds busy_{0};
  nanoseconds own_{0};
  double cores_ = 0;
};

}  // namespace

class ThreadBudget {
 public:
  static ThreadBudget& get() {
    static auto* budget = new ThreadBudget();
    return *budget;
  }

  void add(ThreadClaim* claim) {
    const std::lock_guard<std::mutex> lock(mutex_);
    claims_.push_back(claim);
    (void)others_.cores(Clock::now());
  }

  void remove(ThreadClaim* claim) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::erase(claims_, claim);
  }

  int32_t take(ThreadClaim& claim, int32_t most) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto now = Clock::now();
    int32_t others = 0;
    int32_t n_active = 1;
    for (const ThreadClaim* other : claims_) {
      if (other == &claim || (!other->computes_ && now - other->last_ > ACTIVE)) continue;
      others += other->n_;
      n_active += 1;
    }
    if (now < claim.limited_until_) most = std::min(most, claim.limit_);
    claim.n_ = claimed_threads(n_cores_ - others_.cores(now), others, n_active, most);
    claim.last_ = now;
    claim.computes_ = true;
    return claim.n_;
  }

  void done(ThreadClaim& claim) {
    const std::lock_guard<std::mutex> lock(mutex_);
    claim.last_ = Clock::now();
    claim.computes_ = false;
  }

  void note(ThreadClaim& claim, nanoseconds wall, nanoseconds on_core) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto now = Clock::now();
    if (claim.n_ == 1 || wall < LONG_ENOUGH || on_core.count() == 0) return;
    if (static_cast<double>(on_core.count()) >= MUCH * static_cast<double>(wall.count())) {
      claim.backoff_ = FIRST_BACKOFF;
      return;
    }
    claim.limit_ = std::max(1, claim.n_ / 2);
    claim.limited_until_ = now + claim.backoff_;
    claim.backoff_ = std::min(2 * claim.backoff_, LAST_BACKOFF);
  }

 private:
  const double n_cores_ = std::max(1u, std::thread::hardware_concurrency());
  std::mutex mutex_;
  std::vector<ThreadClaim*> claims_;
  OtherWork others_;
};

ThreadClaim::ThreadClaim() : backoff_(FIRST_BACKOFF) { ThreadBudget::get().add(this); }

ThreadClaim::~ThreadClaim() { ThreadBudget::get().remove(this); }

int32_t ThreadClaim::take(int32_t most) { return ThreadBudget::get().take(*this, most); }

void ThreadClaim::done() { ThreadBudget::get().done(*this); }

void ThreadClaim::note(nanoseconds wall, nanoseconds on_core) { ThreadBudget::get().note(*this, wall, on_core); }

nanoseconds thread_time() {
#if defined(_WIN32)
  return nanoseconds(0);
#else
  return clock_time(CLOCK_THREAD_CPUTIME_ID);
#endif
}

int32_t rounded_threads(int32_t n, int32_t most) {
  if (n >= most) return most;
  int32_t rounded = 1;
  for (int32_t step = 1; rounded < n; step *= 2) {
    for (const int32_t candidate : {2 * step, 3 * step}) {
      if (candidate <= n) rounded = candidate;
    }
    if (2 * step > n) break;
  }
  return rounded;
}

int32_t claimed_threads(double free_cores, int32_t others, int32_t n_active, int32_t most) {
  const double share = std::max(free_cores / n_active, free_cores - others);
  const auto n = static_cast<int32_t>(std::floor(share + 0.5));
  return rounded_threads(std::clamp(n, 1, std::max(1, most)), std::max(1, most));
}

}  // namespace pgenrm
