// Runs kernel jobs on threads of their own, off the event loop and off libuv's pool, and settles a promise.
// A job is a plain struct: no JavaScript value crosses a thread.
#pragma once

#include <napi.h>

#include <memory>

namespace pgenrm::kernels {

class Job {
 public:
  virtual ~Job() = default;
  // On a thread of the kernels. Must not throw.
  virtual void execute() = 0;
  // On the JavaScript thread: what the promise resolves to.
  virtual Napi::Value answer(Napi::Env env) = 0;
};

Napi::Value run_off_loop(Napi::Env env, std::unique_ptr<Job> job);

}  // namespace pgenrm::kernels
