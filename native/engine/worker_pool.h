// A few threads that run the same function over an index range, for sampling many rows at once.
// The caller takes part and waits for the end; calls do not overlap.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pgenrm {

class WorkerPool {
 public:
  // n_threads counts the caller; 1 makes run() a plain loop.
  explicit WorkerPool(int n_threads) : n_used_(std::max(1, n_threads)) {
    for (int worker = 1; worker < n_threads; ++worker) {
      threads_.emplace_back([this, worker] { serve(worker); });
    }
  }

  ~WorkerPool() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      closing_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int n_threads() const { return static_cast<int>(threads_.size()) + 1; }

  // No more than n threads take part from now on, the caller among them.
  void use(int n) {
    const std::lock_guard<std::mutex> lock(mutex_);
    n_used_ = std::clamp(n, 1, n_threads());
  }

  // Calls work(index, worker) for every index in [0, n); worker is in [0, n_threads).
  void run(int n, const std::function<void(int, int)>& work) {
    if (n_used_ == 1 || n <= 1) {
      for (int i = 0; i < n; ++i) work(i, 0);
      return;
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      n_ = n;
      next_.store(0);
      n_busy_ = n_used_ - 1;
      generation_ += 1;
    }
    wake_.notify_all();
    for (int i = next_.fetch_add(1); i < n; i = next_.fetch_add(1)) work(i, 0);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return n_busy_ == 0; });
    work_ = nullptr;
  }

 private:
  void serve(int worker) {
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return closing_ || generation_ != seen; });
      if (closing_) return;
      seen = generation_;
      if (worker >= n_used_ || !work_) continue;  // called by a run that was not its own
      const auto* work = work_;
      const int n = n_;
      lock.unlock();
      for (int i = next_.fetch_add(1); i < n; i = next_.fetch_add(1)) (*work)(i, worker);
      lock.lock();
      if (--n_busy_ == 0) done_.notify_one();
    }
  }

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(int, int)>* work_ = nullptr;
  std::atomic<int> next_{0};
  int n_ = 0;
  int n_busy_ = 0;
  int n_used_;
  uint64_t generation_ = 0;
  bool closing_ = false;
};

}  // namespace pgenrm
