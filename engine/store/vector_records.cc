// SPDX-License-Identifier: Apache-2.0
#include "engine/store/vector_records.h"

#include <utility>

#include "embstore/vector.h"
#include "engine/record/vector_record.h"

namespace embstore {

VectorRecords VectorRecordMaker::Make(std::string key, const Fingerprint& fingerprint,
                                      std::span<const float> vector) {
  VectorRecords records;
  EncodeVector(key, fingerprint, vector, &records.vector);
  records.sketch = sketches_.Make(key, vector);
  records.norm = static_cast<float>(L2Norm(vector));
  records.key = std::move(key);
  return records;
}

}  // namespace embstore
