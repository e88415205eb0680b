// Threads that take kernel jobs; a new one starts where none is idle, up to a bound.
#include "addon/kernels_work.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace pgenrm::kernels {
namespace {

constexpr size_t MOST_THREADS = 32;

// Lets the event loop have a core as soon as it wakes, though jobs keep all of them busy: a thread that asks for long
// slices gives way to one with shorter ones, and still gets its full share in the end, which niceness would cost it.
// Linux keeps this a thread, hands it on to the teams that the thread starts, and heeds it from 6.12 on.
void stand_back() {
#if defined(__linux__) && defined(SYS_sched_setattr)
  struct {  // the kernel's sched_attr, which older C libraries do not declare
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;  // ns
  } wanted{};
  // The policy and the niceness stay what the process was started with.
  const int policy = sched_getscheduler(0);
  if (policy != SCHED_OTHER && policy != SCHED_BATCH) return;
  wanted.size = sizeof wanted;
  wanted.policy = static_cast<uint32_t>(policy);
  wanted.nice = getpriority(PRIO_PROCESS, 0);
  // Several default slices; more would hold up the process where others compete with it as a group.
  wanted.runtime = 12'000'000;
  // Refusal, as by a sandbox, does no harm.
  (void)syscall(SYS_sched_setattr, 0, &wanted, 0);
#endif
}

// Lives as long as the process: detached threads may still run while it ends.
class JobThreads {
 public:
  // False where no thread can be had at all.
  bool submit(std::function<void()> task) {
    std::lock_guard lock(mutex_);
    if (n_idle_ <= tasks_.size() && n_threads_ < MOST_THREADS) {
      try {
        std::thread([this] { work(); }).detach();
        ++n_threads_;
      } catch (const std::system_error&) {
        if (n_threads_ == 0) return false;
      }
    }
    tasks_.push_back(std::move(task));
    ready_.notify_one();
    return true;
  }

 private:
  void work() {
    stand_back();
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        ++n_idle_;
        ready_.wait(lock, [this] { return !tasks_.empty(); });
        --n_idle_;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> tasks_;
  size_t n_idle_ = 0;
  size_t n_threads_ = 0;
};

JobThreads& job_threads() {
  static auto* threads = new JobThreads();
  return *threads;
}

// The way back to the event loop of the environment that asked, which may end before the job does. Whoever holds a
// shared pointer may look; `settle` may be used while the lock is held and the environment is there.
struct WayBack {
  std::mutex mutex;
  bool there = true;
  napi_threadsafe_function settle = nullptr;
};

struct Pending {
  std::unique_ptr<Job> job;
  napi_deferred deferred;
  std::shared_ptr<WayBack> way;
};

// Before Node frees the path; the job goes on, and what it computes is dropped.
void on_environment_end(void* data) {
  const std::shared_ptr<WayBack> way = *static_cast<std::shared_ptr<WayBack>*>(data);
  const std::lock_guard<std::mutex> lock(way->mutex);
  way->there = false;
}

// No exception may leave it: below it is C. Where the environment is ending nobody waits for the promise.
void settle_on_loop(napi_env env, napi_value, void*, void* data) {
  std::unique_ptr<Pending> pending(static_cast<Pending*>(data));
  if (env == nullptr) return;
  {
    // The job's thread is done with the path then: once the hook is gone, nothing keeps the environment from freeing it.
    const std::lock_guard<std::mutex> lock(pending->way->mutex);
    napi_remove_env_cleanup_hook(env, on_environment_end, &pending->way);
  }
  Napi::HandleScope scope(env);
  try {
    napi_resolve_deferred(env, pending->deferred, pending->job->answer(Napi::Env(env)));
  } catch (const Napi::Error& error) {
    try {
      napi_reject_deferred(env, pending->deferred, error.Value());
    } catch (const Napi::Error&) {
      // Not even the reason can be had: the environment is ending.
    }
  }
}

// On the job's thread.
void send_back(Pending* pending) {
  const std::shared_ptr<WayBack> way = pending->way;
  const std::lock_guard<std::mutex> lock(way->mutex);
  if (!way->there) {
    delete pending;
    return;
  }
  // The environment cannot end while the lock is held: its hook waits for it.
  if (napi_call_threadsafe_function(way->settle, pending, napi_tsfn_nonblocking) != napi_ok) return;
  napi_release_threadsafe_function(way->settle, napi_tsfn_release);
}

}  // namespace

Napi::Value run_off_loop(Napi::Env env, std::unique_ptr<Job> job) {
  auto pending = std::make_unique<Pending>();
  pending->job = std::move(job);
  pending->way = std::make_shared<WayBack>();
  napi_value promise;
  if (napi_create_promise(env, &pending->deferred, &promise) != napi_ok) {
    throw Napi::Error::New(env, "no promise can be made");
  }
  const napi_status created =
      napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, "pgenrm kernels"), 0, 1, nullptr,
                                      nullptr, nullptr, settle_on_loop, &pending->way->settle);
  if (created != napi_ok) throw Napi::Error::New(env, "no path back to the event loop can be made");
  Pending* raw = pending.release();
  // After the path was made, so that it runs before the path is torn down.
  napi_add_env_cleanup_hook(env, on_environment_end, &raw->way);
  const bool taken = job_threads().submit([raw] {
    raw->job->execute();
    send_back(raw);
  });
  if (!taken) {
    napi_remove_env_cleanup_hook(env, on_environment_end, &raw->way);
    napi_release_threadsafe_function(raw->way->settle, napi_tsfn_abort);
    delete raw;
    throw Napi::Error::New(env, "no thread can be started for the kernels");
  }
  return Napi::Value(env, promise);
}

}  // namespace pgenrm::kernels
