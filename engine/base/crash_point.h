// SPDX-License-Identifier: Apache-2.0
// Named places where tests let the process die, as `kill -9` would. Only builds with
// EMBSTORE_CRASH_POINTS have them; elsewhere nothing of them is compiled.
#pragma once

#ifdef EMBSTORE_CRASH_POINTS

#include <span>
#include <string_view>

namespace embstore {

/// Dies here if this passage was asked for. REQUIRES: `name` is one of CrashPointNames().
void PassCrashPoint(std::string_view name);

/// "NAME" or "NAME:N": die at the N-th passage, counted from 1. False: there is no such point.
bool ArmCrashPoint(std::string_view spec);

/// Appends the name of each point that is passed to the file `path`, one a line.
bool LogCrashPoints(const char* path);

std::span<const std::string_view> CrashPointNames();

}  // namespace embstore

#define EMBSTORE_CRASH_POINT(name) ::embstore::PassCrashPoint(name)
#else
#define EMBSTORE_CRASH_POINT(name) static_cast<void>(0)
#endif
