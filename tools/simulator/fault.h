// SPDX-License-Identifier: Apache-2.0
// Misbehaviour on request: which fault strikes which embedding call.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace embstore::simulator {

enum class FaultKind {
  kResetBeforeReply,
  kCloseBeforeReply,
  kCutBody,
  kStatus,
  kShortReply,
  kExtraReply,
  kNan,
  kWrongDims,
  kZeroVector,
  kHtml200,
  kEmpty200,
  kError200,
  kArrayError,
  kSlow,
  kDrip,
  kRedirect,
  kRejectText,
  kDuplicateJson,
  kRotate,
  kGzipGarbage,
};

enum class WhenKind { kAlways, kRate, kCount, kEvery, kAt };

struct Fault {
  FaultKind kind;
  std::string text;          ///< the value, for redirect and reject-text
  std::uint64_t number = 0;  ///< the value, for status (a code), slow and drip (milliseconds)
  WhenKind when = WhenKind::kAlways;
  double when_value = 0;
};

/// Reads NAME[=VALUE][:WHEN]. Throws std::invalid_argument with a message for the user.
Fault ParseFault(std::string_view spec);

/// One line per fault for --help.
std::string FaultHelp();

/// Decides call by call. Equal seeds and call orders give equal decisions. Safe for concurrent
/// use.
class FaultPlan {
 public:
  FaultPlan(std::vector<Fault> faults, std::uint64_t seed);

  /// The faults that strike the next call, in the order given by the user. `contains` says
  /// whether any text of the call has a substring; a reject-text fault counts only those calls.
  std::vector<Fault> Next(const std::function<bool(std::string_view)>& contains);

 private:
  bool Strikes(std::size_t index, std::uint64_t call) const;

  const std::vector<Fault> faults_;
  const std::uint64_t seed_;
  std::mutex mutex_;
  std::vector<std::uint64_t> calls_;  ///< by index in faults_
};

}  // namespace embstore::simulator
