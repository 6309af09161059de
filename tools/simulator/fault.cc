// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/fault.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <stdexcept>

namespace embstore::simulator {
namespace {

enum class ValueKind { kNone, kStatus, kMilliseconds, kCount, kShare, kText };

struct FaultName {
  std::string_view name;
  FaultKind kind;
  ValueKind value;
  std::string_view help;
  CallKind call = CallKind::kEmbed;
};

// Faults up to this one spoil any reply, so they may be aimed at other calls.
constexpr std::size_t kFaultsOfAnyCall = 14;

constexpr std::array<FaultName, 53> kFaults{{
    {"reset-before-reply", FaultKind::kResetBeforeReply, ValueKind::kNone, "TCP reset, no reply"},
    {"close-before-reply", FaultKind::kCloseBeforeReply, ValueKind::kNone, "closed, no reply"},
    {"cut-body", FaultKind::kCutBody, ValueKind::kNone, "closed after half of the body"},
    {"status", FaultKind::kStatus, ValueKind::kStatus, "status=CODE, 400..599; not billed"},
    {"html-200", FaultKind::kHtml200, ValueKind::kNone, "200 with an HTML page"},
    {"empty-200", FaultKind::kEmpty200, ValueKind::kNone, "200 with an empty body"},
    {"error-200", FaultKind::kError200, ValueKind::kNone, "200 with an error object"},
    {"array-error", FaultKind::kArrayError, ValueKind::kNone, "500, error inside a list"},
    {"slow", FaultKind::kSlow, ValueKind::kMilliseconds, "slow=MS, waits before the reply"},
    {"held", FaultKind::kHeld, ValueKind::kText, "held=FILE, no reply while there is such a file"},
    {"drip", FaultKind::kDrip, ValueKind::kMilliseconds, "drip=MS, one byte of the body per MS"},
    {"redirect", FaultKind::kRedirect, ValueKind::kText, "redirect=URL, 302"},
    {"duplicate-json", FaultKind::kDuplicateJson, ValueKind::kNone, "the document twice"},
    {"gzip-garbage", FaultKind::kGzipGarbage, ValueKind::kNone, "not gzip, but labelled so"},
    {"short-reply", FaultKind::kShortReply, ValueKind::kNone, "one embedding fewer"},
    {"extra-reply", FaultKind::kExtraReply, ValueKind::kNone, "one embedding more"},
    {"nan", FaultKind::kNan, ValueKind::kNone, "one value is NaN"},
    {"wrong-dims", FaultKind::kWrongDims, ValueKind::kNone, "one vector has one value fewer"},
    {"zero-vector", FaultKind::kZeroVector, ValueKind::kNone, "one vector is all zeros"},
    {"reject-text", FaultKind::kRejectText, ValueKind::kText,
     "reject-text=SUBSTRING, 400 for calls with such a text; not billed"},
    {"rotate", FaultKind::kRotate, ValueKind::kNone, "vectors moved by one place"},
    {"upload-mime", FaultKind::kUploadMime, ValueKind::kNone,
     "upload start: 400 for any type but text/plain", CallKind::kUploadOtherMime},
    {"upload-reset", FaultKind::kUploadReset, ValueKind::kNone,
     "upload: TCP reset after half of the bytes", CallKind::kUploadData},
    {"upload-finalize-error", FaultKind::kUploadFinalizeError, ValueKind::kNone,
     "upload: 200 with an error object, no file", CallKind::kUploadFinalize},
    {"create-lost", FaultKind::kCreateLost, ValueKind::kNone, "the job is made, TCP reset",
     CallKind::kCreate},
    {"create-429", FaultKind::kCreate429, ValueKind::kNone, "no job, the queue is full",
     CallKind::kCreate},
    {"create-500", FaultKind::kCreate500, ValueKind::kNone, "no job, 500", CallKind::kCreate},
    {"create-500-made", FaultKind::kCreate500Made, ValueKind::kNone, "the job is made, 500",
     CallKind::kCreate},
    {"poll-500", FaultKind::kPoll500, ValueKind::kNone, "500 for the job", CallKind::kPoll},
    {"list-empty-page", FaultKind::kListEmptyPage, ValueKind::kNone,
     "a page without jobs, with a token", CallKind::kList},
    {"download-404", FaultKind::kDownload404, ValueKind::kNone, "404 for the result file",
     CallKind::kDownload},
    {"download-cut", FaultKind::kDownloadCut, ValueKind::kNone,
     "closed after half of the result file", CallKind::kDownload},
    {"miskey-rows", FaultKind::kMiskeyRows, ValueKind::kNone, "two result rows have swapped keys",
     CallKind::kJob},
    {"rotate-rows", FaultKind::kRotateRows, ValueKind::kNone,
     "all vectors moved by one place against the keys", CallKind::kJob},
    {"missing-row", FaultKind::kMissingRow, ValueKind::kNone, "one result row fewer",
     CallKind::kJob},
    {"duplicate-row", FaultKind::kDuplicateRow, ValueKind::kNone, "one result row twice",
     CallKind::kJob},
    {"unknown-key-row", FaultKind::kUnknownKeyRow, ValueKind::kNone,
     "one result row more, with a key nobody sent", CallKind::kJob},
    {"row-error", FaultKind::kRowError, ValueKind::kShare,
     "row-error=SHARE of the rows, code 13; not billed", CallKind::kJob},
    {"bad-row", FaultKind::kBadRow, ValueKind::kText,
     "bad-row=KIND, one row with nan, zero, dims, text or cut", CallKind::kJob},
    {"job-failed", FaultKind::kJobFailed, ValueKind::kNone, "ends FAILED; not billed",
     CallKind::kJob},
    {"job-expired", FaultKind::kJobExpired, ValueKind::kNone, "ends EXPIRED; not billed",
     CallKind::kJob},
    {"job-cancelled", FaultKind::kJobCancelled, ValueKind::kNone,
     "ends CANCELLED unasked; not billed", CallKind::kJob},
    {"job-stuck", FaultKind::kJobStuck, ValueKind::kNone, "runs on until it expires after 48 hours",
     CallKind::kJob},
    {"job-held", FaultKind::kJobHeld, ValueKind::kText,
     "job-held=FILE, does not end while there is such a file", CallKind::kJob},
    {"unknown-state", FaultKind::kUnknownState, ValueKind::kCount,
     "unknown-state=N, for the first N polls", CallKind::kJob},
    {"late-result", FaultKind::kLateResult, ValueKind::kMilliseconds,
     "late-result=MS from success to the result file", CallKind::kJob},
    {"list-lag", FaultKind::kListLag, ValueKind::kCount, "list-lag=N, lists that leave the job out",
     CallKind::kJob},
    {"list-lag-ms", FaultKind::kListLagMs, ValueKind::kMilliseconds,
     "list-lag-ms=MS in which lists leave the job out", CallKind::kJob},
    {"insufficient-quota", FaultKind::kInsufficientQuota, ValueKind::kNone,
     "OpenAI: 429, no credit left; not billed"},
    {"no-index", FaultKind::kNoIndex, ValueKind::kNone, "OpenAI: the first embedding has no index"},
    {"fp16", FaultKind::kFp16, ValueKind::kNone, "OpenAI: values rounded to half precision"},
    {"reverse-data", FaultKind::kReverseData, ValueKind::kNone,
     "OpenAI: embeddings in reverse order"},
    {"plain-error", FaultKind::kPlainError, ValueKind::kNone,
     "OpenAI: 424 as {message,code,type}; not billed"},
}};

struct CallName {
  std::string_view name;
  CallKind call;
};

constexpr std::array<CallName, 9> kCalls{{{"embed", CallKind::kEmbed},
                                          {"upload-start", CallKind::kUploadStart},
                                          {"upload", CallKind::kUploadData},
                                          {"files", CallKind::kFiles},
                                          {"create", CallKind::kCreate},
                                          {"poll", CallKind::kPoll},
                                          {"list", CallKind::kList},
                                          {"cancel", CallKind::kCancel},
                                          {"download", CallKind::kDownload}}};

[[noreturn]] void Refuse(std::string_view spec, std::string_view why) {
  throw std::invalid_argument("--fault " + std::string(spec) + ": " + std::string(why));
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<WhenKind> WhenNamed(std::string_view name) {
  if (name == "rate") return WhenKind::kRate;
  if (name == "count") return WhenKind::kCount;
  if (name == "every") return WhenKind::kEvery;
  if (name == "at") return WhenKind::kAt;
  if (name == "from") return WhenKind::kFrom;
  return std::nullopt;
}

// Takes ":WHEN" off the end of `rest`. A colon that starts no WHEN belongs to the value, such as
// that of a URL.
void TakeWhen(std::string_view spec, std::string_view* rest, Fault* fault) {
  const std::size_t colon = rest->rfind(':');
  if (colon == std::string_view::npos) return;
  const std::string_view when = rest->substr(colon + 1);
  const std::size_t equals = when.find('=');
  const auto kind = WhenNamed(when.substr(0, equals));
  if (!kind || equals == std::string_view::npos) {
    if (rest->find('=') > colon) {
      Refuse(spec, "after ':' comes rate=P, count=N, every=N, at=N or from=N");
    }
    return;
  }
  const auto value = ParseNumber<double>(when.substr(equals + 1));
  const bool rate = *kind == WhenKind::kRate;
  if (!value || !std::isfinite(*value) || (rate && (*value < 0 || *value > 1)) ||
      (!rate && (*value < 1 || *value != std::floor(*value)))) {
    Refuse(spec, rate ? "the rate must be in 0..1" : "the call number must be 1 or more");
  }
  fault->when = *kind;
  fault->when_value = *value;
  *rest = rest->substr(0, colon);
}

// Takes "CALL/" off the start of `name`.
std::optional<CallKind> TakeCall(std::string_view spec, std::string_view* name) {
  const std::size_t slash = name->find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  for (const CallName& known : kCalls) {
    if (known.name != name->substr(0, slash)) continue;
    name->remove_prefix(slash + 1);
    return known.call;
  }
  Refuse(spec, "no such kind of call before '/'");
}

void TakeNumber(std::string_view spec, ValueKind kind, std::string_view value, Fault* fault) {
  constexpr std::uint64_t kMax = 86'400'000;
  const auto number = ParseNumber<std::uint64_t>(value);
  const bool status = kind == ValueKind::kStatus;
  const bool valid = number && (status ? *number >= 400 && *number <= 599 : *number <= kMax);
  if (!valid && status) Refuse(spec, "the code must be in 400..599");
  if (!valid && kind == ValueKind::kMilliseconds) Refuse(spec, "not a count of milliseconds");
  if (!valid) Refuse(spec, "not a count");
  fault->number = *number;
}

void TakeShare(std::string_view spec, std::string_view value, Fault* fault) {
  const auto share = ParseNumber<double>(value);
  if (!share || !(*share >= 0 && *share <= 1)) Refuse(spec, "the share must be in 0..1");
  fault->share = *share;
}

void TakeText(std::string_view spec, std::string_view value, Fault* fault) {
  constexpr std::array<std::string_view, 5> kBadRows{"nan", "zero", "dims", "text", "cut"};
  if (fault->kind == FaultKind::kBadRow &&
      std::find(kBadRows.begin(), kBadRows.end(), value) == kBadRows.end()) {
    Refuse(spec, "the kind must be nan, zero, dims, text or cut");
  }
  fault->text = value;
}

void TakeValue(std::string_view spec, ValueKind kind, std::optional<std::string_view> value,
               Fault* fault) {
  if (kind == ValueKind::kNone) {
    if (value) Refuse(spec, "this fault takes no value");
    return;
  }
  if (!value || value->empty()) Refuse(spec, "this fault needs =VALUE");
  if (kind == ValueKind::kText) return TakeText(spec, *value, fault);
  if (kind == ValueKind::kShare) return TakeShare(spec, *value, fault);
  TakeNumber(spec, kind, *value, fault);
}

std::string CallNames() {
  std::string names;
  for (const CallName& call : kCalls) {
    if (call.call == CallKind::kEmbed) continue;
    names += (names.empty() ? "" : ", ") + std::string(call.name);
  }
  return names;
}

}  // namespace

Fault ParseFault(std::string_view spec) {
  Fault fault{};
  std::string_view rest = spec;
  TakeWhen(spec, &rest, &fault);
  const std::size_t equals = rest.find('=');
  std::string_view name = rest.substr(0, equals);
  const std::optional<CallKind> call = TakeCall(spec, &name);
  std::optional<std::string_view> value;
  if (equals != std::string_view::npos) value = rest.substr(equals + 1);
  for (std::size_t i = 0; i < kFaults.size(); ++i) {
    if (kFaults[i].name != name) continue;
    if (call && i >= kFaultsOfAnyCall) Refuse(spec, "this fault has its own kind of call");
    fault.kind = kFaults[i].kind;
    fault.call = call.value_or(kFaults[i].call);
    TakeValue(spec, kFaults[i].value, value, &fault);
    return fault;
  }
  Refuse(spec, "unknown fault");
}

std::string FaultHelp() {
  std::string help =
      "Faults: --fault [CALL/]NAME[=VALUE][:WHEN], any number of times. WHEN is rate=P\n"
      "(probability), count=N (the first N calls), every=N, at=N (only the Nth call) or\n"
      "from=N (that and all later ones); without it every call. Each kind of call is counted\n"
      "by itself. A struck call is billed, or done, unless noted. These strike valid embedding\n"
      "calls, or with CALL/ those of another kind\n"
      "(" +
      CallNames() + "):\n";
  for (std::size_t i = 0; i < kFaults.size(); ++i) {
    if (i == kFaultsOfAnyCall)
      help += "These strike embedding calls, the calls they name, or jobs as they are made:\n";
    const FaultName& fault = kFaults[i];
    help += "  " + std::string(fault.name) + std::string(24 - fault.name.size(), ' ') +
            std::string(fault.help) + "\n";
  }
  return help;
}

bool Has(const std::vector<Fault>& faults, FaultKind kind) {
  return std::any_of(faults.begin(), faults.end(),
                     [kind](const Fault& fault) { return fault.kind == kind; });
}

double UnitHash(std::uint64_t seed, std::uint64_t index, std::uint64_t call) {
  std::uint64_t x = seed + (index + 1) * 0x9E3779B97F4A7C15U + call * 0xD1B54A32D192ED03U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

FaultPlan::FaultPlan(std::vector<Fault> faults, std::uint64_t seed)
    : faults_(std::move(faults)), seed_(seed), calls_(faults_.size()) {}

bool FaultPlan::Strikes(std::size_t index, std::uint64_t call) const {
  const Fault& fault = faults_[index];
  switch (fault.when) {
    case WhenKind::kAlways:
      return true;
    case WhenKind::kRate:
      return UnitHash(seed_, index, call) < fault.when_value;
    case WhenKind::kCount:
      return static_cast<double>(call) <= fault.when_value;
    case WhenKind::kEvery:
      return std::fmod(static_cast<double>(call), fault.when_value) == 0;
    case WhenKind::kAt:
      return static_cast<double>(call) == fault.when_value;
    case WhenKind::kFrom:
      return static_cast<double>(call) >= fault.when_value;
  }
  return false;
}

std::vector<Fault> FaultPlan::Next(const std::function<bool(std::string_view)>& contains) {
  return NextOf(CallKind::kEmbed, contains);
}

std::vector<Fault> FaultPlan::Next(CallKind kind) {
  return NextOf(kind, [](std::string_view) { return false; });
}

std::vector<Fault> FaultPlan::NextOf(CallKind kind,
                                     const std::function<bool(std::string_view)>& contains) {
  std::vector<Fault> striking;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    if (faults_[i].call != kind) continue;
    if (faults_[i].kind == FaultKind::kRejectText && !contains(faults_[i].text)) continue;
    if (Strikes(i, ++calls_[i])) striking.push_back(faults_[i]);
  }
  return striking;
}

}  // namespace embstore::simulator
