// SPDX-License-Identifier: Apache-2.0
#include "embstore/status.h"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace embstore {
namespace {

const std::vector<std::pair<Code, std::string_view>>& Names() {
  static const std::vector<std::pair<Code, std::string_view>> names = {
      {Code::kOk, "ok"},
      {Code::kInvalidArgument, "invalid argument"},
      {Code::kNotFound, "not found"},
      {Code::kCorruption, "corruption"},
      {Code::kIncompatible, "incompatible version"},
      {Code::kLocked, "locked"},
      {Code::kWriteFailed, "write failed"},
      {Code::kUnavailable, "unavailable"},
      {Code::kRateLimited, "rate limited"},
      {Code::kQuotaExhausted, "quota exhausted"},
      {Code::kPermissionDenied, "permission denied"},
      {Code::kRejected, "rejected"},
      {Code::kInvalidReply, "invalid reply"},
      {Code::kInDoubt, "in doubt"},
      {Code::kHeld, "held"},
      {Code::kBudgetReached, "budget reached"},
      {Code::kCancelled, "cancelled"},
      {Code::kInternal, "internal error"},
  };
  return names;
}

TEST_CASE("base: every code has a name of its own") {
  std::set<std::string_view> seen;
  for (const auto& [code, name] : Names()) {
    CHECK(CodeName(code) == name);
    CHECK(seen.insert(name).second);
  }
  // The list above is complete: codes are numbered without gaps and the last one is in it.
  CHECK(Names().size() == static_cast<std::size_t>(Code::kInternal) + 1);
  CHECK(CodeName(static_cast<Code>(Names().size())) == "unknown");
}

TEST_CASE("base: a default status is success without words") {
  const Status status;
  CHECK(status.ok());
  CHECK(status.code() == Code::kOk);
  CHECK(status.message().empty());
  CHECK(status.backoff().retry_after.count() == 0);
}

TEST_CASE("base: a status keeps code, message and backoff") {
  const Status status(Code::kRateLimited, "slow down", {std::chrono::milliseconds(1500), 10, 20});
  CHECK_FALSE(status.ok());
  CHECK(status.code() == Code::kRateLimited);
  CHECK(status.message() == "slow down");
  CHECK(status.backoff().retry_after == std::chrono::milliseconds(1500));
  CHECK(status.backoff().texts_per_minute == 10);
  CHECK(status.backoff().tokens_per_minute == 20);
}

TEST_CASE("base: a prefix changes the message and nothing else") {
  const Status status(Code::kUnavailable, "no answer", {std::chrono::milliseconds(7), 1, 2});
  const Status prefixed = status.Prefixed("batch 3");
  CHECK(prefixed.code() == Code::kUnavailable);
  CHECK(prefixed.message() == "batch 3: no answer");
  CHECK(prefixed.backoff().retry_after == std::chrono::milliseconds(7));
  CHECK(prefixed.backoff().tokens_per_minute == 2);
  CHECK(status.message() == "no answer");
}

TEST_CASE("base: success stays success under a prefix") {
  const Status prefixed = Status().Prefixed("batch 3");
  CHECK(prefixed.ok());
  CHECK(prefixed.message().empty());
}

TEST_CASE("base: a result holds a value or a reason") {
  Result<int> value = 7;
  CHECK(value.ok());
  CHECK(value.code() == Code::kOk);
  CHECK(value.status().ok());
  CHECK(*value == 7);
  *value = 8;
  CHECK(value.value() == 8);

  const Result<int> error = Status(Code::kNotFound, "none");
  CHECK_FALSE(error.ok());
  CHECK(error.code() == Code::kNotFound);
  CHECK(error.status().message() == "none");
}

TEST_CASE("base: a result gives up what cannot be copied") {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  REQUIRE(result.ok());
  CHECK(**result == 5);
  const std::unique_ptr<int> taken = *std::move(result);
  CHECK(*taken == 5);

  Result<std::string> text = std::string("abc");
  CHECK(text->size() == 3);
  CHECK(std::as_const(text)->front() == 'a');
  CHECK(std::move(text).value() == "abc");
}

TEST_CASE("base: statuses and results move without copying their text") {
  static_assert(std::is_nothrow_move_constructible_v<Status>);
  Status status(Code::kInternal, std::string(100, 'x'));
  const char* const before = status.message().data();
  const Status moved = std::move(status);
  CHECK(moved.message().data() == before);
}

}  // namespace
}  // namespace embstore
