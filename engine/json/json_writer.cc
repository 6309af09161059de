// SPDX-License-Identifier: Apache-2.0
#include "engine/json/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace embstore {
namespace {

/// Bytes that one byte of text takes inside a JSON string.
constexpr std::array<std::uint8_t, 256> MakeEscapedSizes() {
  std::array<std::uint8_t, 256> sizes{};
  for (std::size_t byte = 0; byte < sizes.size(); ++byte) sizes[byte] = byte < 0x20 ? 6 : 1;
  for (const char c : {'"', '\\', '\b', '\f', '\n', '\r', '\t'}) {
    sizes[static_cast<std::uint8_t>(c)] = 2;
  }
  return sizes;
}
constexpr auto kEscapedSizes = MakeEscapedSizes();

void AppendEscaped(char c, std::string* out) {
  switch (c) {
    case '"':
      *out += "\\\"";
      return;
    case '\\':
      *out += "\\\\";
      return;
    case '\b':
      *out += "\\b";
      return;
    case '\f':
      *out += "\\f";
      return;
    case '\n':
      *out += "\\n";
      return;
    case '\r':
      *out += "\\r";
      return;
    case '\t':
      *out += "\\t";
      return;
    default:
      break;
  }
  std::array<char, 8> escaped{};
  std::snprintf(escaped.data(), escaped.size(), "\\u%04x",
                static_cast<unsigned>(static_cast<std::uint8_t>(c)));
  *out += escaped.data();
}

template <typename Number>
void AppendNumber(Number value, std::string* out) {
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out->append(digits.data(), end);
}

template <typename Number>
void AppendFinite(Number value, std::string* out) {
  if (!std::isfinite(value)) {
    *out += "null";
    return;
  }
  const std::size_t before = out->size();
  AppendNumber(value, out);
  // Digits alone are an integer to those who read it: one that may need more than 64 bits, or that
  // has no zero below zero.
  const bool digits_alone = out->find_first_of(".e", before) == std::string::npos;
  const bool no_integer = std::abs(value) >= Number{1e15F} || (value == 0 && std::signbit(value));
  if (digits_alone && no_integer) *out += ".0";
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  *out += '"';
  std::size_t plain = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (kEscapedSizes[static_cast<std::uint8_t>(text[at])] == 1) continue;
    out->append(text.substr(plain, at - plain));
    AppendEscaped(text[at], out);
    plain = at + 1;
  }
  out->append(text.substr(plain));
  *out += '"';
}

std::uint64_t JsonStringBytes(std::string_view text) {
  std::uint64_t bytes = 2;
  for (const char c : text) bytes += kEscapedSizes[static_cast<std::uint8_t>(c)];
  return bytes;
}

void JsonWriter::NewLine() {
  if (indent_ == 0) return;
  *out_ += '\n';
  out_->append(static_cast<std::size_t>(depth_ * indent_), ' ');
}

void JsonWriter::BeforeValue() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (!first_) *out_ += ',';
  first_ = false;
  if (depth_ > 0) NewLine();
}

JsonWriter& JsonWriter::Open(char bracket) {
  BeforeValue();
  *out_ += bracket;
  ++depth_;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  --depth_;
  if (!first_) NewLine();
  *out_ += bracket;
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  BeforeValue();
  AppendJsonString(key, out_);
  *out_ += indent_ == 0 ? ":" : ": ";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  BeforeValue();
  AppendJsonString(value, out_);
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) {
  BeforeValue();
  *out_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::Null() {
  BeforeValue();
  *out_ += "null";
  return *this;
}

JsonWriter& JsonWriter::Int(std::int64_t value) {
  BeforeValue();
  AppendNumber(value, out_);
  return *this;
}

JsonWriter& JsonWriter::Uint(std::uint64_t value) {
  BeforeValue();
  AppendNumber(value, out_);
  return *this;
}

JsonWriter& JsonWriter::Double(double value) {
  BeforeValue();
  AppendFinite(value, out_);
  return *this;
}

JsonWriter& JsonWriter::Floats(std::span<const float> values) {
  BeforeValue();
  *out_ += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) *out_ += ',';
    AppendFinite(values[i], out_);
  }
  *out_ += ']';
  return *this;
}

}  // namespace embstore
