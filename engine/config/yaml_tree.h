// SPDX-License-Identifier: Apache-2.0
// The part of YAML that a configuration needs, as a tree that remembers its lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/status.h"

namespace embstore {

struct YamlEntry;

/// A value. Immutable after construction.
struct YamlNode {
  enum class Kind { kNothing, kScalar, kList, kMap };

  Kind kind = Kind::kNothing;
  std::size_t line = 0;  ///< 1-based.
  std::string text;      ///< Of a scalar.
  bool quoted = false;   ///< A scalar in quotes or a block: text whatever it looks like.
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;  ///< In the order of the file; no key occurs twice.
};

struct YamlEntry {
  std::string key;
  std::size_t line = 0;
  YamlNode value;
};

constexpr std::size_t kMaxYamlDepth = 16;

/// "NAME:LINE: MESSAGE" as kInvalidArgument.
Status YamlError(const std::string& name, std::size_t line, std::string_view message);

/// Parses one document; none at all is a node of kind kNothing. Every error is kInvalidArgument
/// and starts with "NAME:LINE: ". Refused: what is not valid UTF-8, NUL, anchors, aliases, tags,
/// keys that are not plain text, keys that occur twice in a map, more than one document and more
/// than kMaxYamlDepth levels. Safe for concurrent use.
Result<YamlNode> ParseYaml(std::string_view yaml, const std::string& name);

}  // namespace embstore
