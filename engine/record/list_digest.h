// SPDX-License-Identifier: Apache-2.0
// The digest of a document list, SplitRecord::list_sha256.
#pragma once

#include <string>

#include "embstore/record.h"
#include "engine/hash/hash.h"

namespace embstore {

/// SHA-256 of all rows in order. Not thread-safe; one thread at a time.
class ListDigest {
 public:
  void Add(const DocumentRecord& row);
  Sha256Digest Finish() { return sha256_.Finish(); }  ///< REQUIRES: afterwards only destruction.

 private:
  Sha256 sha256_;
  std::string bytes_;
};

}  // namespace embstore
