// Divides work among threads of its own: ranges of items, or a team that meets again and again.
// Knows nothing of the work; the caller's results must not depend on which thread does what.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace pgenrm {

// Threads to use for `asked` (0: all of the machine's), at most one an item.
inline size_t thread_count(uint32_t asked, size_t n_items) {
  const size_t machine = std::max(1u, std::thread::hardware_concurrency());
  const size_t wanted = asked == 0 ? machine : asked;
  return std::max<size_t>(1, std::min(wanted, n_items));
}

// Threads that wait between rounds; `run` returns when every thread has done its part.
class ThreadTeam {
 public:
  explicit ThreadTeam(size_t n_threads) : n_threads_(std::max<size_t>(1, n_threads)) {
    for (size_t t = 1; t < n_threads_; ++t) {
      // A machine that gives no more threads gets its work done by fewer.
      try {
        threads_.emplace_back([this, t] { wait_for_rounds(t); });
      } catch (...) {
        n_threads_ = t;
        break;
      }
    }
  }

  ~ThreadTeam() {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    start_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  size_t size() const { return n_threads_; }

  // Calls part(thread) once on each thread. What a part throws comes out as std::bad_alloc once all have ended: the
  // kernels' parts throw nothing else.
  template <class Part>
  void run(Part&& part) {
    if (threads_.empty()) {
      part(size_t(0));
      return;
    }
    std::atomic<bool> failed{false};
    const auto guarded = [&](size_t thread) {
      try {
        part(thread);
      } catch (...) {
        failed = true;
      }
    };
    {
      std::lock_guard lock(mutex_);
      part_ = [&guarded](size_t thread) { guarded(thread); };
      pending_ = threads_.size();
      ++round_;
    }
    start_.notify_all();
    guarded(size_t(0));
    {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [this] { return pending_ == 0; });
    }
    if (failed) throw std::bad_alloc();
  }

  // Calls body(begin, end, thread) on equal ranges of [0, n_items).
  template <class Body>
  void ranges(size_t n_items, Body&& body) {
    const size_t n = size();
    run([&](size_t thread) {
      const size_t begin = n_items * thread / n;
      const size_t end = n_items * (thread + 1) / n;
      if (begin < end) body(begin, end, thread);
    });
  }

  // Calls body(begin, end, thread) on chunks of [0, n_items), handed out as threads come free.
  template <class Body>
  void chunks(size_t n_items, size_t chunk, Body&& body) {
    std::atomic<size_t> next{0};
    run([&](size_t thread) {
      for (;;) {
        const size_t begin = next.fetch_add(chunk);
        if (begin >= n_items) return;
        body(begin, std::min(begin + chunk, n_items), thread);
      }
    });
  }

 private:
  void wait_for_rounds(size_t thread) {
    size_t seen = 0;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        start_.wait(lock, [&] { return closing_ || round_ != seen; });
        if (closing_) return;
        seen = round_;
      }
      part_(thread);
      std::lock_guard lock(mutex_);
      if (--pending_ == 0) done_.notify_one();
    }
  }

  size_t n_threads_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable start_, done_;
  std::function<void(size_t)> part_;
  size_t round_ = 0;
  size_t pending_ = 0;
  bool closing_ = false;
};

}  // namespace pgenrm
