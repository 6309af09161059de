// SPDX-License-Identifier: Apache-2.0
#include "engine/base/seeded_bug.h"

#ifdef EMBSTORE_SEEDED_BUGS

#include <algorithm>
#include <array>
#include <cstdlib>

namespace embstore {
namespace {

constexpr std::array<std::string_view, 1> kNames = {
    "no-intent-sync"};

std::string_view planted;  // refers to kNames

}  // namespace

std::span<const std::string_view> SeededBugNames() { return kNames; }

bool PlantSeededBug(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return false;
  planted = *found;
  return true;
}

bool HasSeededBug(std::string_view name) {
  if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) std::abort();
  return name == planted;
}

}  // namespace embstore

#endif
