// SPDX-License-Identifier: Apache-2.0
// Sources of an import, for the targets that read other tools' files.
#pragma once

#include "embstore/import.h"
#include "tests/fuzz/fuzzing.h"

namespace embstore::fuzz {

/// What a source finds for documents "0", "1", ... with the texts "zero", "one", ...
struct Found {
  std::vector<std::vector<float>> vectors;
  std::string error;
  bool operator==(const Found&) const = default;
};

inline constexpr std::string_view kTexts[] = {"zero", "one", "two", "three", "", "\xC3\xA4"};

inline Found ReadPass(VectorSource* source, std::uint32_t dimensions, std::uint64_t documents) {
  Found found;
  Status begun = source->BeginPass();
  if (!begun.ok()) {
    CheckMessage(begun);
    found.error = begun.message();
    return found;
  }
  std::vector<float> vector(dimensions);
  for (std::uint64_t position = 0; position < documents; ++position) {
    const std::string id = std::to_string(position);
    Document document;
    document.position = position;
    document.id = id;
    document.text = kTexts[position % std::size(kTexts)];
    const auto hit = source->Find(document, vector);
    if (!hit.ok()) {
      CheckMessage(hit.status());
      FUZZ_CHECK(hit.code() == Code::kInvalidArgument);
      found.error = hit.status().message();
      return found;
    }
    found.vectors.push_back(*hit ? vector : std::vector<float>());
  }
  const auto summary = source->Summarize();
  FUZZ_CHECK(summary.ok());
  FUZZ_CHECK(summary->unmatched_names.size() <= summary->unmatched_rows);
  return found;
}

inline bool SameVectors(const Found& a, const Found& b) {
  return a.error == b.error &&
         std::equal(a.vectors.begin(), a.vectors.end(), b.vectors.begin(), b.vectors.end(),
                    [](const auto& x, const auto& y) { return SameBits(x, y); });
}

/// Reads a source whose vectors are checked while they are read, twice.
inline void CheckSource(Result<std::unique_ptr<VectorSource>> source, std::uint32_t dimensions) {
  if (!source.ok()) return CheckMessage(source.status());
  const Status prepared = (*source)->Prepare(dimensions, nullptr);
  if (!prepared.ok()) {
    CheckMessage(prepared);
    FUZZ_CHECK(prepared.code() == Code::kInvalidArgument);
    return;
  }
  const Found first = ReadPass(source->get(), dimensions, std::size(kTexts));
  for (const auto& vector : first.vectors) {
    if (!vector.empty()) CheckVectors(vector, 1, dimensions);
  }
  FUZZ_CHECK(SameVectors(first, ReadPass(source->get(), dimensions, std::size(kTexts))));
}

}  // namespace embstore::fuzz
