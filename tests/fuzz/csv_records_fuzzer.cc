// SPDX-License-Identifier: Apache-2.0
// CSV, record by record, with limits that inputs reach. First byte: the columns expected.
#include "engine/dataset/csv_reader.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

constexpr std::size_t kMaxRecordBytes = 300;

struct Outcome {
  std::vector<std::vector<std::string>> records;
  std::vector<std::uint64_t> lines;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

std::uint64_t Newlines(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

Outcome ReadAll(std::string_view text, std::size_t piece, std::size_t columns,
                std::size_t max_record_bytes) {
  CsvReader reader(Pieces(text, piece), {.file = "f",
                                         .max_record_bytes = max_record_bytes,
                                         .columns = columns,
                                         .columns_hint = "hint"});
  Outcome outcome;
  for (;;) {
    const Result<bool> more = reader.Next();
    const Result<bool> again = more.ok() && *more ? more : reader.Next();
    if (!more.ok()) {
      CheckMessage(more.status());
      FUZZ_CHECK(more.code() == Code::kInvalidArgument);
      FUZZ_CHECK(again.status().message() == more.status().message());
      outcome.error = more.status().message();
      return outcome;
    }
    if (!*more) {
      FUZZ_CHECK(again.ok() && !*again);
      return outcome;
    }
    outcome.records.emplace_back(reader.fields().begin(), reader.fields().end());
    outcome.lines.push_back(reader.line());
  }
}

void CheckRecords(const Outcome& outcome, std::string_view text, std::size_t columns) {
  std::uint64_t last_line = 0;
  for (std::size_t i = 0; i < outcome.records.size(); ++i) {
    const auto& record = outcome.records[i];
    FUZZ_CHECK(record.size() == (columns == 0 ? outcome.records[0].size() : columns));
    std::size_t bytes = 0;
    for (const std::string& field : record) {
      FUZZ_CHECK(IsUtf8(field) && field.find('\0') == std::string::npos);
      bytes += field.size();
    }
    FUZZ_CHECK(bytes <= kMaxRecordBytes);
    FUZZ_CHECK(outcome.lines[i] > last_line);
    last_line = outcome.lines[i];
  }
  FUZZ_CHECK(last_line <= Newlines(text) + 1);
}

std::string Quoted(const std::vector<std::vector<std::string>>& records) {
  std::string text;
  for (const auto& record : records) {
    for (std::size_t i = 0; i < record.size(); ++i) {
      text += i == 0 ? "\"" : ",\"";
      for (const char c : record[i]) text += c == '"' ? std::string("\"\"") : std::string(1, c);
      text += '"';
    }
    text += '\n';
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::size_t columns = input.Take() % 5;
  const std::string_view text = input.rest();
  const Outcome whole = ReadAll(text, kWhole, columns, kMaxRecordBytes);
  for (const std::size_t piece : kPieces) {
    FUZZ_CHECK(ReadAll(text, piece, columns, kMaxRecordBytes) == whole);
  }
  CheckRecords(whole, text, columns);
  // What was read is written again, and reads the same.
  const Outcome again = ReadAll(Quoted(whole.records), kWhole, columns, 16 * kMaxRecordBytes);
  FUZZ_CHECK(again.error.empty());
  FUZZ_CHECK(again.records == whole.records);
  return 0;
}
