// SPDX-License-Identifier: Apache-2.0
// The one error vocabulary of embstore: Code, Status and Result<T>.
#pragma once

#include <cassert>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "embstore/visibility.h"

namespace embstore {

/// What went wrong, chosen by what the caller would do next.
enum class Code {
  kOk = 0,
  kInvalidArgument,   ///< Bad usage, configuration or input file: change it and run again.
  kNotFound,          ///< No such document, split or vector.
  kCorruption,        ///< Stored bytes do not match their checksum: stop, restore a backup.
  kIncompatible,      ///< Written by a newer or foreign version: use that version.
  kLocked,            ///< Another process has the store open for writing: wait for it.
  kWriteFailed,       ///< No space, read-only, or another write error: free space, run again.
  kUnavailable,       ///< The network or the server failed for now: retry.
  kRateLimited,       ///< Asked too fast: wait for `Status::backoff()`, then retry.
  kQuotaExhausted,    ///< A daily quota or the account's credit is used up: go on later.
  kPermissionDenied,  ///< The key is missing, wrong or not allowed: fix it.
  kRejected,          ///< The server refuses this very input: leave it out or change it.
  kInvalidReply,      ///< The server answered something that must not be stored.
  kInDoubt,           ///< A request died under way: it may have been billed. Retry at that risk.
  kHeld,              ///< Paid, or possibly paid: nothing more is sent until a person decides.
  kBudgetReached,     ///< The next request would cost more than allowed.
  kCancelled,         ///< The caller asked to stop.
  kInternal,          ///< A defect in embstore.
};

/// The name of a code as it appears in messages, e.g. "not found". Static storage.
EMBSTORE_API std::string_view CodeName(Code code);

/// What a server said about asking again. Zero means "not said".
struct Backoff {
  std::chrono::milliseconds retry_after{0};
  std::uint64_t texts_per_minute = 0;     ///< The quota that was exceeded, in texts.
  std::uint64_t tokens_per_minute = 0;    ///< The quota that was exceeded, in tokens.
  std::uint64_t requests_per_minute = 0;  ///< The quota that was exceeded, in calls.
};

/// Success, or a code with a message for people. Immutable after construction, cheap to move.
/// Messages never hold a secret.
class [[nodiscard]] EMBSTORE_API Status {
 public:
  Status() = default;
  Status(Code code, std::string message, Backoff backoff = {})
      : code_(code), message_(std::move(message)), backoff_(backoff) {
    assert(code != Code::kOk);
  }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  const Backoff& backoff() const { return backoff_; }

  /// The same error with `context` and ": " in front of its message. Success stays success.
  Status Prefixed(std::string_view context) const;

  /// The one searchable way to drop an error on purpose.
  void IgnoreError() const {}

 private:
  Code code_ = Code::kOk;
  std::string message_;
  Backoff backoff_;
};

/// A value, or the reason why there is none. REQUIRES: value() only after ok().
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Status status) : state_(std::move(status)) { assert(!std::get<Status>(state_).ok()); }

  bool ok() const { return std::holds_alternative<T>(state_); }
  Status status() const { return ok() ? Status() : std::get<Status>(state_); }
  Code code() const { return ok() ? Code::kOk : std::get<Status>(state_).code(); }

  T& value() & { return std::get<T>(state_); }
  const T& value() const& { return std::get<T>(state_); }
  T value() && { return std::get<T>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace embstore
