// SPDX-License-Identifier: Apache-2.0
#ifdef EMBSTORE_SEEDED_BUGS

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

#include "engine/base/seeded_bug.h"

int main(int argc, char** argv) {
  const char* const bug = std::getenv("EMBSTORE_SEEDED_BUG");
  if (bug != nullptr && !embstore::PlantSeededBug(bug)) {
    std::fprintf(stderr, "no such seeded bug: %s\n", bug);
    return 2;
  }
  return doctest::Context(argc, argv).run();
}

#else

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#endif
