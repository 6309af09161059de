// SPDX-License-Identifier: Apache-2.0
// Writes JSON piece by piece into a string, without a document in memory. Floats come out as the
// shortest decimal that reads back as the same float32.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace embstore {

/// Appends `text` as a JSON string with its quotes. REQUIRES: valid UTF-8.
void AppendJsonString(std::string_view text, std::string* out);

/// Bytes that AppendJsonString would append.
std::uint64_t JsonStringBytes(std::string_view text);

/// Not thread-safe; one thread at a time. REQUIRES: calls form one valid JSON value.
class JsonWriter {
 public:
  /// Appends to `*out`, which must outlive the writer. `indent` 0 writes one line.
  explicit JsonWriter(std::string* out, int indent = 0) : out_(out), indent_(indent) {}

  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view key);

  JsonWriter& String(std::string_view value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  JsonWriter& Int(std::int64_t value);
  JsonWriter& Uint(std::uint64_t value);
  /// NaN and infinities, which JSON cannot hold, become null.
  JsonWriter& Double(double value);
  /// One array of numbers, always on one line.
  JsonWriter& Floats(std::span<const float> values);

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void BeforeValue();
  void NewLine();

  std::string* const out_;
  const int indent_;
  int depth_ = 0;
  bool first_ = true;       // No element yet in the innermost container.
  bool after_key_ = false;  // The next value belongs to a key.
};

}  // namespace embstore
