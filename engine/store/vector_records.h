// SPDX-License-Identifier: Apache-2.0
// What is worked out of a vector before it is stored. It takes longer than the storing itself, so
// that whoever has a thread to spare does it there.
#pragma once

#include <span>
#include <string>

#include "embstore/record.h"
#include "engine/store/store_sketches.h"

namespace embstore {

/// The values under `key` in the families `vectors` and `sketches`.
struct VectorRecords {
  std::string key;
  std::string vector;
  std::string sketch;
  float norm = 0;  ///< L2.
};

/// Not thread-safe; one thread at a time.
class VectorRecordMaker {
 public:
  VectorRecords Make(std::string key, const Fingerprint& fingerprint,
                     std::span<const float> vector);

 private:
  SketchMaker sketches_;
};

}  // namespace embstore
