// SPDX-License-Identifier: Apache-2.0
// The configuration.
#include "embstore/config.h"
#include "engine/config/yaml_tree.h"
#include "engine/json/json_writer.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

constexpr std::size_t kMaxRewrittenBytes = 500;  // YAML limits how long a key on one line may be.

/// JSON is YAML.
void Rewrite(const YamlNode& node, JsonWriter* out) {
  switch (node.kind) {
    case YamlNode::Kind::kNothing:
      out->Null();
      return;
    case YamlNode::Kind::kScalar:
      out->String(node.text);
      return;
    case YamlNode::Kind::kList:
      out->BeginArray();
      for (const YamlNode& item : node.items) Rewrite(item, out);
      out->EndArray();
      return;
    case YamlNode::Kind::kMap:
      out->BeginObject();
      for (const YamlEntry& entry : node.entries) {
        out->Key(entry.key);
        Rewrite(entry.value, out);
      }
      out->EndObject();
      return;
  }
}

std::size_t DepthOf(const YamlNode& node) {
  std::size_t deepest = 0;
  for (const YamlNode& item : node.items) deepest = std::max(deepest, DepthOf(item));
  for (const YamlEntry& entry : node.entries) deepest = std::max(deepest, DepthOf(entry.value));
  const bool level = node.kind == YamlNode::Kind::kList || node.kind == YamlNode::Kind::kMap;
  return deepest + (level ? 1 : 0);
}

void CheckTree(std::string_view text) {
  const auto tree = ParseYaml(text, "f");
  if (!tree.ok()) return CheckMessage(tree.status());
  FUZZ_CHECK(IsUtf8(text) && text.find('\0') == std::string_view::npos);
  FUZZ_CHECK(DepthOf(*tree) <= kMaxYamlDepth);
  if (text.size() > kMaxRewrittenBytes) return;
  std::string written;
  JsonWriter writer(&written);
  Rewrite(*tree, &writer);
  // Line ends beyond ASCII are YAML's own.
  const auto is_ascii = [](char c) { return c >= 0x20 && c < 0x7F; };
  if (!std::all_of(written.begin(), written.end(), is_ascii)) return;
  const auto again = ParseYaml(written, "f");
  FUZZ_CHECK(again.ok());
  std::string rewritten;
  JsonWriter second(&rewritten);
  Rewrite(*again, &second);
  FUZZ_CHECK(rewritten == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = Input(data, size).rest();
  CheckTree(text);
  const auto config = ParseConfig(text, "f");
  if (!config.ok()) {
    CheckMessage(config.status());
    FUZZ_CHECK(config.code() == Code::kInvalidArgument);
    FUZZ_CHECK(config.status().message().starts_with("f:"));
    return 0;
  }
  FUZZ_CHECK(config->embedding.dimensions > 0);
  FUZZ_CHECK(config->embedding.batch_size > 0);
  for (const auto& [name, split] : config->dataset.splits) FUZZ_CHECK(IsSafeName(name));
  return 0;
}
