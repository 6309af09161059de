// SPDX-License-Identifier: Apache-2.0
#include "engine/store/write_run.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "engine/store/store_impl.h"

namespace embstore {
namespace {

constexpr std::chrono::milliseconds kStopPoll{50};

/// The stores that the calling thread works for a run on.
thread_local std::vector<const Store*> t_stores;

}  // namespace

WriteRun::Work::Work(const Store& store) { t_stores.push_back(&store); }
WriteRun::Work::~Work() { t_stores.pop_back(); }

Result<std::unique_ptr<WriteRun>> WriteRun::Begin(Store* store, const StopFlag* stop) {
  if (store->impl_->options.read_only) {
    return Status(Code::kInvalidArgument,
                  "the store in '" + store->directory().string() +
                      "' is open for reading only; nothing was sent: open it for writing");
  }
  if (std::find(t_stores.begin(), t_stores.end(), store) != t_stores.end()) {
    return Status(Code::kInvalidArgument,
                  "a provider or observer of a run cannot begin another one on the same store; "
                  "nothing was sent");
  }
  while (!store->impl_->run_mutex.try_lock_for(kStopPoll)) {
    if (stop != nullptr && stop->load()) {
      return Status(Code::kCancelled,
                    "interrupted while another run was writing; nothing was sent");
    }
  }
  std::unique_ptr<WriteRun> run(new WriteRun(store));
  const std::lock_guard<std::mutex> guard(store->impl_->commit_mutex);
  const Status& failure = store->impl_->write_failure;
  if (!failure.ok()) {
    return Status(failure.code(),
                  "an earlier commit to this store failed; nothing was sent: close "
                  "the store and open it again. " +
                      failure.message());
  }
  return run;
}

WriteRun::~WriteRun() { store_.impl_->run_mutex.unlock(); }

}  // namespace embstore
