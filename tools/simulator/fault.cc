// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/fault.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <stdexcept>

namespace embstore::simulator {
namespace {

enum class ValueKind { kNone, kNumber, kText };

struct FaultName {
  std::string_view name;
  FaultKind kind;
  ValueKind value;
  std::string_view help;
};

constexpr std::array<FaultName, 20> kFaults{{
    {"reset-before-reply", FaultKind::kResetBeforeReply, ValueKind::kNone, "TCP reset, no reply"},
    {"close-before-reply", FaultKind::kCloseBeforeReply, ValueKind::kNone, "closed, no reply"},
    {"cut-body", FaultKind::kCutBody, ValueKind::kNone, "closed after half of the body"},
    {"status", FaultKind::kStatus, ValueKind::kNumber, "status=CODE, 400..599; not billed"},
    {"short-reply", FaultKind::kShortReply, ValueKind::kNone, "one embedding fewer"},
    {"extra-reply", FaultKind::kExtraReply, ValueKind::kNone, "one embedding more"},
    {"nan", FaultKind::kNan, ValueKind::kNone, "one value is NaN"},
    {"wrong-dims", FaultKind::kWrongDims, ValueKind::kNone, "one vector has one value fewer"},
    {"zero-vector", FaultKind::kZeroVector, ValueKind::kNone, "one vector is all zeros"},
    {"html-200", FaultKind::kHtml200, ValueKind::kNone, "200 with an HTML page"},
    {"empty-200", FaultKind::kEmpty200, ValueKind::kNone, "200 with an empty body"},
    {"error-200", FaultKind::kError200, ValueKind::kNone, "200 with an error object"},
    {"array-error", FaultKind::kArrayError, ValueKind::kNone, "500, error inside a list"},
    {"slow", FaultKind::kSlow, ValueKind::kNumber, "slow=MS, waits before the reply"},
    {"drip", FaultKind::kDrip, ValueKind::kNumber, "drip=MS, one byte of the body per MS"},
    {"redirect", FaultKind::kRedirect, ValueKind::kText, "redirect=URL, 302"},
    {"reject-text", FaultKind::kRejectText, ValueKind::kText,
     "reject-text=SUBSTRING, 400 for calls with such a text; not billed"},
    {"duplicate-json", FaultKind::kDuplicateJson, ValueKind::kNone, "the document twice"},
    {"rotate", FaultKind::kRotate, ValueKind::kNone, "vectors moved by one place"},
    {"gzip-garbage", FaultKind::kGzipGarbage, ValueKind::kNone, "not gzip, but labelled so"},
}};

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
    if (rest->find('=') > colon) Refuse(spec, "after ':' comes rate=P, count=N, every=N or at=N");
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

void TakeValue(std::string_view spec, const FaultName& name, std::optional<std::string_view> value,
               Fault* fault) {
  if (name.value == ValueKind::kNone) {
    if (value) Refuse(spec, "this fault takes no value");
    return;
  }
  if (!value || value->empty()) Refuse(spec, "this fault needs =VALUE");
  if (name.value == ValueKind::kText) {
    fault->text = *value;
    return;
  }
  const auto number = ParseNumber<std::uint64_t>(*value);
  constexpr std::uint64_t kMaxMilliseconds = 86'400'000;
  const bool status = name.kind == FaultKind::kStatus;
  const bool valid =
      number && (status ? *number >= 400 && *number <= 599 : *number <= kMaxMilliseconds);
  if (!valid) Refuse(spec, status ? "the code must be in 400..599" : "not a count of milliseconds");
  fault->number = *number;
}

double UnitHash(std::uint64_t seed, std::size_t index, std::uint64_t call) {
  std::uint64_t x = seed + (index + 1) * 0x9E3779B97F4A7C15U + call * 0xD1B54A32D192ED03U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

}  // namespace

Fault ParseFault(std::string_view spec) {
  Fault fault{};
  std::string_view rest = spec;
  TakeWhen(spec, &rest, &fault);
  const std::size_t equals = rest.find('=');
  const std::string_view name = rest.substr(0, equals);
  std::optional<std::string_view> value;
  if (equals != std::string_view::npos) value = rest.substr(equals + 1);
  for (const FaultName& known : kFaults) {
    if (known.name != name) continue;
    fault.kind = known.kind;
    TakeValue(spec, known, value, &fault);
    return fault;
  }
  Refuse(spec, "unknown fault");
}

std::string FaultHelp() {
  std::string help =
      "Faults: --fault NAME[=VALUE][:WHEN], any number of times. They strike valid calls of the\n"
      "embedding methods only. WHEN is rate=P (probability), count=N (the first N calls), every=N\n"
      "or at=N (only the Nth call); without it every call. A struck call is billed unless noted.\n";
  for (const FaultName& fault : kFaults) {
    help += "  " + std::string(fault.name) + std::string(20 - fault.name.size(), ' ') +
            std::string(fault.help) + "\n";
  }
  return help;
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
  }
  return false;
}

std::vector<Fault> FaultPlan::Next(const std::function<bool(std::string_view)>& contains) {
  std::vector<Fault> striking;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    if (faults_[i].kind == FaultKind::kRejectText && !contains(faults_[i].text)) continue;
    if (Strikes(i, ++calls_[i])) striking.push_back(faults_[i]);
  }
  return striking;
}

}  // namespace embstore::simulator
