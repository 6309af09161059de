// SPDX-License-Identifier: Apache-2.0
// A store that may be closed or opened anew while other threads use it.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "embstore/store.h"
#include "errors.h"
#include "gil.h"

namespace embstore::python {

/// Safe for concurrent use. Every call lets go of the interpreter's lock and throws StatusError.
class OpenStore {
 public:
  OpenStore(std::filesystem::path directory, StoreOptions options);
  ~OpenStore();
  OpenStore(const OpenStore&) = delete;
  OpenStore& operator=(const OpenStore&) = delete;

  /// Calls `call(std::shared_ptr<Store>)`, which answers a Result, without the interpreter's lock;
  /// the store is not closed meanwhile.
  template <typename Call>
  auto Use(Call call) {
    auto result = [&] {
      const GilReleased released;
      const std::shared_lock<std::shared_mutex> lock(mutex_);
      using Answer = decltype(call(store_));
      if (Status usable = Usable(); !usable.ok()) return Answer(std::move(usable));
      return call(store_);
    }();
    return Take(std::move(result));
  }

  /// Use() for a run that writes; until it is over, Close() refuses instead of waiting.
  template <typename Call>
  auto UseForRun(Call call) {
    return Use([&](const std::shared_ptr<Store>& store) {
      const RunMark mark(&runs_);
      return call(store);
    });
  }

  /// Waits for calls of other threads. Nothing happens the second time.
  void Close();

  /// Sees what was committed up to now. Only for a store that is open for reading.
  void Refresh();

  bool closed();
  const std::filesystem::path& directory() const { return directory_; }
  bool read_only() const { return options_.read_only; }

  /// This process came from the one that opened the store. The threads that its destruction would
  /// wait for have stayed there.
  bool forked_away() const { return ::getpid() != process_; }

 private:
  class RunMark {
   public:
    explicit RunMark(std::atomic<int>* runs) : runs_(runs) { ++*runs_; }
    ~RunMark() { --*runs_; }
    RunMark(const RunMark&) = delete;
    RunMark& operator=(const RunMark&) = delete;

   private:
    std::atomic<int>* const runs_;
  };

  Status Usable() const;

  const std::filesystem::path directory_;
  const StoreOptions options_;
  const ::pid_t process_ = ::getpid();
  std::atomic<int> runs_ = 0;
  std::shared_mutex mutex_;
  std::shared_ptr<Store> store_;  // Null: closed.
};

}  // namespace embstore::python
