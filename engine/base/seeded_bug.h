// SPDX-License-Identifier: Apache-2.0
// Bugs put in on purpose, by which the tests are tested: each must be found by the test that
// tests/seeded_bugs names. Only builds with EMBSTORE_SEEDED_BUGS have them; elsewhere the condition
// is the constant false.
#pragma once

#ifdef EMBSTORE_SEEDED_BUGS

#include <span>
#include <string_view>

namespace embstore {

/// Whether the program was started with this bug. REQUIRES: `name` is one of SeededBugNames().
bool HasSeededBug(std::string_view name);

/// False: there is no such bug. Call it before any thread is started.
bool PlantSeededBug(std::string_view name);

std::span<const std::string_view> SeededBugNames();

}  // namespace embstore

#define EMBSTORE_SEEDED_BUG(name) ::embstore::HasSeededBug(name)
#else
#define EMBSTORE_SEEDED_BUG(name) false
#endif
