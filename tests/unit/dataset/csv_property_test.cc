// SPDX-License-Identifier: Apache-2.0
// The CSV reader against a second, plain reading of RFC 4180, and against random texts.
#include <random>

#include "csv_testing.h"

namespace embstore {
namespace {

/// RFC 4180 read byte by byte, with no regard to speed. Not thread-safe; one thread at a time.
class Oracle {
 public:
  explicit Oracle(std::string_view text) : text_(text) {
    while (error_line == 0 && Peek() != kNone) ReadRecord();
  }

  Records records;
  std::uint64_t error_line = 0;  // 0: no error.

 private:
  static constexpr int kNone = -1;

  int Peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : kNone;
  }

  std::size_t LineEnd() const {
    if (Peek() == '\n') return 1;
    return Peek() == '\r' && Peek(1) == '\n' ? 2 : 0;
  }

  void ReadRecord() {
    const std::uint64_t record_line = line_;
    if (LineEnd() != 0) {
      while (LineEnd() != 0) at_ += LineEnd();
      if (Peek() != kNone) error_line = record_line;
      return;
    }
    std::vector<std::string> record;
    do {
      if (!record.empty()) ++at_;
      record.push_back(Peek() == '"' ? Quoted() : Bare());
    } while (error_line == 0 && Peek() == ',');
    if (error_line != 0) return;
    if (Peek() != kNone && LineEnd() == 0) {
      error_line = line_;
      return;
    }
    at_ += LineEnd();
    ++line_;
    if (!records.empty() && record.size() != records[0].size()) {
      error_line = record_line;
    } else {
      records.push_back(record);
    }
  }

  std::string Bare() {
    std::string field;
    while (Peek() != kNone && std::string_view(",\"\r\n").find(text_[at_]) == text_.npos) {
      field += text_[at_++];
    }
    return field;
  }

  std::string Quoted() {
    const std::uint64_t opened = line_;
    std::string field;
    for (++at_; Peek() != kNone && (Peek() != '"' || Peek(1) == '"'); ++at_) {
      if (Peek() == '"') ++at_;
      if (Peek() == '\n') ++line_;
      field += text_[at_];
    }
    if (Peek() == kNone) error_line = opened;
    ++at_;
    return field;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 1;
};

TEST_CASE("dataset: the CSV reader agrees with RFC 4180 on every short text") {
  constexpr std::string_view kAlphabet = "a,\"\n\r";
  std::size_t compared = 0;
  for (std::size_t length = 0; length <= 7; ++length) {
    std::vector<std::size_t> digits(length, 0);
    for (bool more = true; more;) {
      std::string text;
      for (const std::size_t digit : digits) text += kAlphabet[digit];
      const Oracle oracle(text);
      const CsvOutcome outcome = ReadOnce(Chunked(text, 1 + compared % 3), 0, 1000);
      const std::string place = "f:" + std::to_string(oracle.error_line) + ":";
      const bool same_error =
          oracle.error_line == 0 ? outcome.error.empty() : outcome.error.starts_with(place);
      if (!same_error || oracle.records != outcome.records) FAIL("differs for: " << text);
      ++compared;
      more = false;
      for (std::size_t& digit : digits) {
        digit = (digit + 1) % kAlphabet.size();
        if (digit != 0) {
          more = true;
          break;
        }
      }
    }
  }
  CHECK(compared == 97656);
}

TEST_CASE("dataset: CSV written with quotes reads back as it was, whatever the fields hold") {
  std::mt19937 random(7);
  constexpr std::string_view kAlphabet = "ab,\"\"\"\n\r ";
  for (int round = 0; round < 500; ++round) {
    Records records(1 + random() % 5, std::vector<std::string>(1 + random() % 4));
    std::string text;
    for (auto& record : records) {
      record.resize(records[0].size());
      for (std::string& field : record) {
        for (std::size_t i = random() % 12; i > 0; --i) {
          field += kAlphabet[random() % kAlphabet.size()];
        }
        text += &field == &record[0] ? "\"" : ",\"";
        for (const char byte : field)
          text += byte == '"' ? std::string("\"\"") : std::string(1, byte);
        text += '"';
      }
      text += random() % 2 == 0 ? "\n" : "\r\n";
    }
    const CsvOutcome outcome = ReadOnce(Chunked(text, 1 + random() % 20), 0, 1000);
    CHECK(outcome.error.empty());
    CHECK((outcome.records == records));
  }
}

TEST_CASE("dataset: CSV records of all sizes come through whole, however large the file") {
  Records records;
  std::string text;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::size_t size = i % 1000 == 999 ? 700'000 : i % 613;
    records.push_back({std::to_string(i), std::string(size, static_cast<char>('a' + i % 26))});
    text += records[i][0] + ",\"" + records[i][1] + "\"\n";
  }
  REQUIRE(text.size() > 2'500'000);
  for (const std::size_t chunk : {1000u, 4096u, 65'537u, 1u << 30}) {
    CAPTURE(chunk);
    const CsvOutcome outcome = ReadOnce(Chunked(text, chunk), 2, 1u << 20);
    CHECK(outcome.error.empty());
    CHECK((outcome.records == records));
  }
}

TEST_CASE("dataset: the CSV reader gives the same for noise in chunks of every size") {
  std::mt19937 random(11);
  constexpr std::string_view kAlphabet("a,\"\n\r\0\xc3\xa9\xff", 9);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t i = random() % 40; i > 0; --i) text += kAlphabet[random() % kAlphabet.size()];
    Read(text, 0, 12);
  }
}

}  // namespace
}  // namespace embstore
