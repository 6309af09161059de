// SPDX-License-Identifier: Apache-2.0
// Misbehaviour on request: which fault strikes which call.
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
  kHeld,
  kDrip,
  kRedirect,
  kRejectText,
  kDuplicateJson,
  kRotate,
  kGzipGarbage,
  kUploadMime,
  kUploadReset,
  kUploadFinalizeError,
  kCreateLost,
  kCreate429,
  kCreate500,
  kCreate500Made,
  kPoll500,
  kListEmptyPage,
  kDownload404,
  kDownloadCut,
  kMiskeyRows,
  kRotateRows,
  kMissingRow,
  kDuplicateRow,
  kUnknownKeyRow,
  kRowError,
  kBadRow,
  kJobFailed,
  kJobExpired,
  kJobCancelled,
  kJobStuck,
  kJobHeld,
  kUnknownState,
  kLateResult,
  kListLag,
  kListLagMs,
  kInsufficientQuota,
  kNoIndex,
  kFp16,
  kReverseData,
  kPlainError,
};

/// What a fault concerns. Each kind of call is counted by itself.
enum class CallKind {
  kEmbed,
  kUploadStart,
  kUploadOtherMime,  ///< starts of uploads of another type than text/plain
  kUploadData,
  kUploadFinalize,
  kFiles,  ///< get, list and delete of files
  kCreate,
  kPoll,
  kList,
  kCancel,
  kDownload,
  kJob,  ///< jobs as they are made
};

enum class WhenKind { kAlways, kRate, kCount, kEvery, kAt, kFrom };

struct Fault {
  FaultKind kind;
  CallKind call = CallKind::kEmbed;
  std::string text;          ///< the value, for held, redirect, reject-text, bad-row, job-held
  std::uint64_t number = 0;  ///< the value, for a status code, milliseconds or a count
  double share = 0;          ///< the value, for row-error
  WhenKind when = WhenKind::kAlways;
  double when_value = 0;
};

/// Reads [CALL/]NAME[=VALUE][:WHEN]. Throws std::invalid_argument with a message for the user.
Fault ParseFault(std::string_view spec);

/// One line per fault for --help.
std::string FaultHelp();

/// True when a fault of `kind` is among `faults`.
bool Has(const std::vector<Fault>& faults, FaultKind kind);

/// A number in [0, 1) that looks random but is a function of its arguments.
double UnitHash(std::uint64_t seed, std::uint64_t index, std::uint64_t call);

/// Decides call by call. Equal seeds and call orders give equal decisions. Safe for concurrent
/// use.
class FaultPlan {
 public:
  FaultPlan(std::vector<Fault> faults, std::uint64_t seed);

  /// The faults that strike the next embedding call, in the order given by the user. `contains`
  /// says whether any text of the call has a substring; a reject-text fault counts only those.
  std::vector<Fault> Next(const std::function<bool(std::string_view)>& contains);

  /// The faults that strike the next call of `kind`, in the order given by the user.
  std::vector<Fault> Next(CallKind kind);

 private:
  std::vector<Fault> NextOf(CallKind kind, const std::function<bool(std::string_view)>& contains);
  bool Strikes(std::size_t index, std::uint64_t call) const;

  const std::vector<Fault> faults_;
  const std::uint64_t seed_;
  std::mutex mutex_;
  std::vector<std::uint64_t> calls_;  ///< by index in faults_
};

}  // namespace embstore::simulator
