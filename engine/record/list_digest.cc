// SPDX-License-Identifier: Apache-2.0
#include "engine/record/list_digest.h"

namespace embstore {

void ListDigest::Add(const DocumentRecord& row) {
  // Every part with its length, so that no two lists have the same bytes.
  const auto& fingerprint = row.text.fingerprint.bytes;
  bytes_.assign(reinterpret_cast<const char*>(fingerprint.data()), fingerprint.size());
  bytes_ += std::to_string(row.id.size()) + ':' + row.id;
  bytes_ += row.label ? std::to_string(row.label->size()) + ':' + *row.label : "-";
  sha256_.Update(bytes_);
}

}  // namespace embstore
