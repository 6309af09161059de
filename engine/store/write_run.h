// SPDX-License-Identifier: Apache-2.0
// Runs that write to a store take turns: what one finds missing, the other may be about to buy.
#pragma once

#include <memory>

#include "embstore/clock.h"
#include "embstore/status.h"
#include "embstore/store.h"

namespace embstore {

/// The turn of one run. Ends when it is destroyed, by the thread that began it.
class WriteRun {
 public:
  /// Waits for other runs on this store object. kCancelled: `stop`, which may be null, was set
  /// meanwhile. kInvalidArgument: the store is open for reading only, or this thread works for a
  /// run on it already and would wait for itself. kWriteFailed: a commit failed before.
  static Result<std::unique_ptr<WriteRun>> Begin(Store* store, const StopFlag* stop);
  ~WriteRun();
  WriteRun(const WriteRun&) = delete;
  WriteRun& operator=(const WriteRun&) = delete;

  /// As long as it lives, the calling thread works for the run on `store`.
  class Work {
   public:
    explicit Work(const Store& store);
    ~Work();
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
  };

 private:
  explicit WriteRun(Store* store) : store_(*store), work_(*store) {}
  Store& store_;
  const Work work_;
};

}  // namespace embstore
