// SPDX-License-Identifier: Apache-2.0
#include "engine/config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <exception>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "engine/base/text.h"

namespace embstore {
namespace {

constexpr std::size_t kMaxMessageBytes = 300;  // The parser repeats what it read as it was.

std::size_t LineOf(const YAML::Mark& mark) {
  return mark.is_null() ? 1 : static_cast<std::size_t>(mark.line) + 1;
}

/// Builds the tree from the parser's events; the parser itself accepts too much. What must not
/// be is thrown as the parser's own kind of exception. Not thread-safe; one thread at a time.
class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlNode TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) Refuse(mark, "a second document is not allowed");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Check(mark, "", anchor);
    YamlNode node;
    node.line = LineOf(mark);
    if (WantsKey()) Refuse(mark, "a key must be plain text");
    Attach(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    Refuse(mark, "aliases are not allowed");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Check(mark, tag, anchor);
    if (WantsKey()) return SetKey(mark, value);
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.line = LineOf(mark);
    node.text = value;
    node.quoted = tag == "!";
    Attach(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Check(mark, tag, anchor);
    Open(mark, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Check(mark, tag, anchor);
    Open(mark, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    YamlNode node;
    YamlEntry pending;
    bool has_key = false;
    std::unordered_map<std::string, std::size_t> lines;  ///< Of every key so far.
  };

  [[noreturn]] static void Refuse(const YAML::Mark& mark, const std::string& message) {
    throw YAML::ParserException(mark, message);
  }

  static void Check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) Refuse(mark, "anchors are not allowed");
    if (!tag.empty() && tag != "?" && tag != "!") Refuse(mark, "tags are not allowed");
  }

  bool WantsKey() const {
    return !levels_.empty() && levels_.back().node.kind == YamlNode::Kind::kMap &&
           !levels_.back().has_key;
  }

  void SetKey(const YAML::Mark& mark, const std::string& key) {
    Level& level = levels_.back();
    const auto [seen, added] = level.lines.try_emplace(key, LineOf(mark));
    if (!added) {
      Refuse(mark, "duplicate key '" + Printable(key, 64) + "'; it is already in line " +
                       std::to_string(seen->second));
    }
    level.pending.key = key;
    level.pending.line = LineOf(mark);
    level.has_key = true;
  }

  void Open(const YAML::Mark& mark, YamlNode::Kind kind) {
    if (WantsKey()) Refuse(mark, "a key must be plain text");
    if (levels_.size() >= kMaxYamlDepth) {
      Refuse(mark, "more than " + std::to_string(kMaxYamlDepth) + " levels");
    }
    Level level;
    level.node.kind = kind;
    level.node.line = LineOf(mark);
    levels_.push_back(std::move(level));
  }

  void Close() {
    YamlNode node = std::move(levels_.back().node);
    levels_.pop_back();
    Attach(std::move(node));
  }

  void Attach(YamlNode node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == YamlNode::Kind::kList) {
      level.node.items.push_back(std::move(node));
      return;
    }
    // An empty value is reported where its key is, not where the parser noticed.
    if (node.kind == YamlNode::Kind::kNothing) node.line = level.pending.line;
    level.pending.value = std::move(node);
    level.node.entries.push_back(std::move(level.pending));
    level.pending = YamlEntry();
    level.has_key = false;
  }

  YamlNode root_;
  std::vector<Level> levels_;
  std::size_t documents_ = 0;
};

std::size_t LineAt(std::string_view text, std::size_t offset) {
  return 1 + static_cast<std::size_t>(std::count(
                 text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

}  // namespace

Status YamlError(const std::string& name, std::size_t line, std::string_view message) {
  std::string text = name;
  text.append(":").append(std::to_string(line)).append(": ").append(message);
  return {Code::kInvalidArgument, std::move(text)};
}

Result<YamlNode> ParseYaml(std::string_view yaml, const std::string& name) {
  const std::size_t invalid = std::min(FindInvalidUtf8(yaml), yaml.find('\0'));
  if (invalid != std::string_view::npos) {
    return YamlError(name, LineAt(yaml, invalid), "not UTF-8 text");
  }
  try {
    std::istringstream stream{std::string(yaml)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.TakeRoot();
  } catch (const YAML::Exception& error) {
    return YamlError(name, LineOf(error.mark), Printable(error.msg, kMaxMessageBytes));
  } catch (const std::exception& error) {
    return YamlError(name, 1, "cannot be parsed: " + Printable(error.what(), kMaxMessageBytes));
  }
}

}  // namespace embstore
