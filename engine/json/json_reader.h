// SPDX-License-Identifier: Apache-2.0
// Reads JSON: strict, whole documents only. The one place that knows the parser.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/status.h"

namespace embstore {

enum class JsonType { kNull, kBool, kNumber, kString, kArray, kObject };

/// A value inside a parsed document. Valid until its parser parses again or dies.
/// Immutable after construction.
class JsonValue {
 public:
  JsonType type() const;

  /// Nothing when the value is of another type or out of range.
  std::optional<std::string_view> AsString() const;
  std::optional<bool> AsBool() const;
  std::optional<std::int64_t> AsInt() const;
  std::optional<double> AsDouble() const;

  /// The first member called `key`; nothing when there is none or this is no object.
  std::optional<JsonValue> Find(std::string_view key) const;

  /// Calls `visit` for each element or member in order until it answers false. False when this is
  /// no array (or object), or when `visit` stopped it.
  bool ForEachElement(const std::function<bool(JsonValue)>& visit) const;
  bool ForEachMember(const std::function<bool(std::string_view, JsonValue)>& visit) const;

  /// Appends an array of numbers to `*out`, each rounded from double to float. False, with `*out`
  /// as it was, when this is no array of numbers. Values beyond float32 become infinite.
  bool AppendFloats(std::vector<float>* out) const;

 private:
  friend class JsonParser;
  const void* document_ = nullptr;  // What simdjson's element is made of.
  std::size_t index_ = 0;
};

/// Owns the memory of one document at a time. Not thread-safe; one thread at a time.
class JsonParser {
 public:
  JsonParser();
  ~JsonParser();
  JsonParser(JsonParser&&) noexcept;
  JsonParser& operator=(JsonParser&&) noexcept;

  /// A value may stand inside fewer than so many arrays and objects; an empty array or object may
  /// itself be one deeper.
  static constexpr std::size_t kMaxDepth = 64;

  /// kInvalidArgument: not exactly one valid JSON document (trailing text, bad UTF-8, lone
  /// surrogates and nesting beyond kMaxDepth included); the message says why.
  Result<JsonValue> Parse(std::string_view json);
  /// The same without a copy of `json`, if its capacity leaves a little room behind it.
  Result<JsonValue> ParseInPlace(const std::string& json);

 private:
  struct State;

  Result<JsonValue> Parse(std::string_view json, bool has_room_behind);

  std::unique_ptr<State> state_;
};

}  // namespace embstore
