// SPDX-License-Identifier: Apache-2.0
// JSON documents, against a second reader and against our own writer; and any text through both.
#include <nlohmann/json.hpp>

#include "engine/json/json_reader.h"
#include "engine/json/json_writer.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;
using Other = nlohmann::ordered_json;

std::size_t DepthOf(const Other& value) {
  std::size_t deepest = 0;
  for (const auto& element : value) {
    if (element.is_structured()) deepest = std::max(deepest, DepthOf(element));
  }
  return value.is_structured() ? 1 + deepest : 0;
}

/// Whether both readers see the same document, and `out` gets what our writer makes of it.
void Rewrite(const JsonValue& ours, JsonWriter* out) {
  switch (ours.type()) {
    case JsonType::kNull:
      out->Null();
      return;
    case JsonType::kBool:
      out->Bool(ours.AsBool().value());
      return;
    case JsonType::kNumber:
      if (const auto whole = ours.AsInt()) {
        out->Int(*whole);
      } else {
        FUZZ_CHECK(ours.AsDouble().has_value());
        out->Double(*ours.AsDouble());
      }
      return;
    case JsonType::kString:
      FUZZ_CHECK(IsUtf8(*ours.AsString()));
      out->String(*ours.AsString());
      return;
    case JsonType::kArray:
      out->BeginArray();
      FUZZ_CHECK(ours.ForEachElement([&](JsonValue element) {
        Rewrite(element, out);
        return true;
      }));
      out->EndArray();
      return;
    case JsonType::kObject:
      out->BeginObject();
      FUZZ_CHECK(ours.ForEachMember([&](std::string_view key, JsonValue member) {
        out->Key(key);
        Rewrite(member, out);
        return true;
      }));
      out->EndObject();
      return;
  }
}

/// Numbers as doubles: how an integer is held differs between the readers.
bool Same(const Other& a, const Other& b) {
  if (a.is_number() && b.is_number()) return a.get<double>() == b.get<double>();
  if (!a.is_structured()) return a == b;
  if (a.type() != b.type() || a.size() != b.size()) return false;
  auto other = b.begin();
  for (auto item = a.begin(); item != a.end(); ++item, ++other) {
    if (a.is_object() && item.key() != other.key()) return false;
    if (!Same(*item, *other)) return false;
  }
  return true;
}

void CheckDocument(std::string_view text) {
  JsonParser parser;
  const auto ours = parser.Parse(text);
  if (!ours.ok()) return CheckMessage(ours.status());
  const Other theirs = Other::parse(text, nullptr, false);
  FUZZ_CHECK(!theirs.is_discarded());
  FUZZ_CHECK(DepthOf(theirs) <= JsonParser::kMaxDepth + 1);
  std::string written;
  JsonWriter writer(&written);
  Rewrite(*ours, &writer);
  const Other again = Other::parse(written, nullptr, false);
  FUZZ_CHECK(!again.is_discarded());
  FUZZ_CHECK(Same(theirs, again));
  JsonParser second;
  FUZZ_CHECK(second.Parse(written).ok());
}

/// Any text is written so that it reads the same.
void CheckText(std::string_view text) {
  if (!IsUtf8(text)) return;
  std::string written;
  AppendJsonString(text, &written);
  FUZZ_CHECK(JsonStringBytes(text) == written.size());
  FUZZ_CHECK(IsUtf8(written));
  JsonParser parser;
  const auto read = parser.Parse(written);
  FUZZ_CHECK(read.ok() && read->AsString() == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = Input(data, size).rest();
  CheckDocument(text);
  CheckText(text);
  return 0;
}
