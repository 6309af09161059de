// SPDX-License-Identifier: Apache-2.0
// What the CSV reader makes of a text, for the tests of the reader.
#pragma once

#include "engine/dataset/csv_reader.h"
#include "source_testing.h"

namespace embstore {

using Records = std::vector<std::vector<std::string>>;

struct CsvOutcome {
  Records records;
  std::vector<std::uint64_t> lines;
  std::string error;
  bool operator==(const CsvOutcome&) const = default;
};

inline CsvOutcome ReadOnce(std::unique_ptr<ByteSource> source, std::size_t columns,
                           std::size_t max_record_bytes) {
  CsvReader reader(std::move(source), {.file = "f",
                                       .max_record_bytes = max_record_bytes,
                                       .columns = columns,
                                       .columns_hint = "hint"});
  CsvOutcome outcome;
  for (;;) {
    const Result<bool> more = reader.Next();
    if (!more.ok()) {
      outcome.error = more.status().message();
      CHECK(reader.Next().status().message() == outcome.error);
      return outcome;
    }
    if (!more.value()) {
      CHECK_FALSE(reader.Next().value());
      return outcome;
    }
    outcome.records.emplace_back(reader.fields().begin(), reader.fields().end());
    outcome.lines.push_back(reader.line());
  }
}

/// The same for chunks of every size.
inline CsvOutcome Read(std::string_view content, std::size_t columns = 0,
                       std::size_t max_record_bytes = 1000) {
  const CsvOutcome whole = ReadOnce(Chunked(content, 1u << 20), columns, max_record_bytes);
  for (const std::size_t chunk : ChunkSizes()) {
    CAPTURE(chunk);
    CHECK((ReadOnce(Chunked(content, chunk), columns, max_record_bytes) == whole));
  }
  return whole;
}

}  // namespace embstore
