// SPDX-License-Identifier: Apache-2.0
#include "embstore/status.h"

namespace embstore {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kOk:
      return "ok";
    case Code::kInvalidArgument:
      return "invalid argument";
    case Code::kNotFound:
      return "not found";
    case Code::kCorruption:
      return "corruption";
    case Code::kIncompatible:
      return "incompatible version";
    case Code::kLocked:
      return "locked";
    case Code::kWriteFailed:
      return "write failed";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kRateLimited:
      return "rate limited";
    case Code::kQuotaExhausted:
      return "quota exhausted";
    case Code::kPermissionDenied:
      return "permission denied";
    case Code::kRejected:
      return "rejected";
    case Code::kInvalidReply:
      return "invalid reply";
    case Code::kInDoubt:
      return "in doubt";
    case Code::kHeld:
      return "held";
    case Code::kBudgetReached:
      return "budget reached";
    case Code::kCancelled:
      return "cancelled";
    case Code::kInternal:
      return "internal error";
  }
  return "unknown";
}

Status Status::Prefixed(std::string_view context) const {
  if (ok()) return *this;
  return {code_, std::string(context) + ": " + message_, backoff_};
}

}  // namespace embstore
