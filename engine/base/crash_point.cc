// SPDX-License-Identifier: Apache-2.0
#include "engine/base/crash_point.h"

#ifdef EMBSTORE_CRASH_POINTS

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>

namespace embstore {
namespace {

// In the order in which a batch job passes them, then `gc`, then `recover`.
constexpr std::array<std::string_view, 26> kNames = {
    "job-file-written",  "intent-planned",    "intent-written",    "upload-answered",
    "upload-recorded",   "creation-recorded", "creation-answered", "created-recorded",
    "result-downloaded", "call-answered",     "commit-begins",     "commit-stored",
    "commit-recorded",   "job-stored",        "job-ended",         "job-removed",
    "gc-forgotten",      "gc-planned",        "gc-recorded",       "gc-stored",
    "gc-compacts",       "recover-built",     "recover-planned",   "recover-set-aside",
    "recover-swapped",   "recover-given-up"};

std::string armed_name;
std::atomic<int> passages_left{0};

}  // namespace

std::span<const std::string_view> CrashPointNames() { return kNames; }

bool ArmCrashPoint(std::string_view spec) {
  const std::size_t colon = spec.find(':');
  int passage = 1;
  if (colon != std::string_view::npos) {
    const std::string_view number = spec.substr(colon + 1);
    std::from_chars(number.data(), number.data() + number.size(), passage);
  }
  armed_name = spec.substr(0, colon);
  passages_left = passage;
  return passage > 0 && std::find(kNames.begin(), kNames.end(), armed_name) != kNames.end();
}

void PassCrashPoint(std::string_view name) {
  if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) std::abort();
  if (name == armed_name && --passages_left == 0) std::raise(SIGKILL);
}

}  // namespace embstore

#endif
