// SPDX-License-Identifier: Apache-2.0
// From the bytes of config.yaml to a Config.
#include "embstore/config.h"

#include <algorithm>
#include <array>

#include "engine/base/file.h"
#include "engine/base/text.h"
#include "engine/config/settings.h"
#include "engine/config/value_reader.h"
#include "engine/config/yaml_tree.h"

namespace embstore {
namespace {

constexpr std::size_t kMaxConfigBytes = 1u << 20;

/// Words that name a secret, without '-' and '_'.
constexpr std::array<std::string_view, 12> kSecretNames = {
    "apikey", "key",       "token",    "accesstoken",  "authtoken",    "geminiapikey",
    "secret", "secretkey", "password", "googleapikey", "openaiapikey", "authorization"};

bool NamesSecret(std::string_view key) {
  std::string folded;
  for (const char c : key) {
    if (c == '-' || c == '_') continue;
    folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return std::find(kSecretNames.begin(), kSecretNames.end(), folded) != kSecretNames.end();
}

Status RefuseSecrets(const YamlNode& node, const std::string& file) {
  for (const YamlEntry& entry : node.entries) {
    if (NamesSecret(entry.key)) {
      return YamlError(file, entry.line,
                       "'" + entry.key + "' does not belong in a file: keys are taken from the " +
                           "environment only (GEMINI_API_KEY, OPENAI_API_KEY); remove it here");
    }
    if (Status below = RefuseSecrets(entry.value, file); !below.ok()) return below;
  }
  for (const YamlNode& item : node.items) {
    if (Status below = RefuseSecrets(item, file); !below.ok()) return below;
  }
  return Status();
}

/// The names that may stand directly below `prefix`, which is empty or ends in '.'.
std::vector<std::string_view> NamesBelow(std::string_view prefix) {
  std::vector<std::string_view> names;
  for (const Setting& setting : AllSettings()) {
    if (!setting.path.starts_with(prefix)) continue;
    const std::string_view rest = setting.path.substr(prefix.size());
    const std::string_view name = rest.substr(0, rest.find('.'));
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names;
}

const Setting* FindSetting(std::string_view path) {
  const auto settings = AllSettings();
  const auto found = std::find_if(settings.begin(), settings.end(),
                                  [path](const Setting& row) { return row.path == path; });
  return found == settings.end() ? nullptr : &*found;
}

Status ReadSection(const YamlNode& node, const std::string& prefix, const std::string& file,
                   Config* config) {
  const std::vector<std::string_view> known = NamesBelow(prefix);
  for (const YamlEntry& entry : node.entries) {
    const ValuePlace place{file, prefix + entry.key};
    Status read;
    if (const Setting* const setting = FindSetting(place.path); setting != nullptr) {
      read = ReadSetting(*setting, entry.value, file, config);
    } else if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      read = UnknownKey(entry, place, known);
    } else if (entry.value.kind == YamlNode::Kind::kMap) {
      read = ReadSection(entry.value, place.path + ".", file, config);
    } else if (entry.value.kind != YamlNode::Kind::kNothing) {
      read = BadValue(entry.value, place, "a map");
    }
    if (!read.ok()) return read;
  }
  return Status();
}

const YamlEntry* FindEntry(const YamlNode& node, std::string_view key) {
  const auto found = std::find_if(node.entries.begin(), node.entries.end(),
                                  [key](const YamlEntry& entry) { return entry.key == key; });
  return found == node.entries.end() ? nullptr : &*found;
}

/// New prices under the date of the built-in ones would lie about their age.
Status CheckPricesAreDated(const YamlNode& root, const std::string& file) {
  const YamlEntry* const pricing = FindEntry(root, "pricing");
  if (pricing == nullptr) return Status();
  const YamlEntry* const models = FindEntry(pricing->value, "models");
  if (models == nullptr || FindEntry(pricing->value, "as_of") != nullptr) return Status();
  return YamlError(file, models->line, "'pricing.models' needs 'pricing.as_of' beside it");
}

}  // namespace

Config::Config() {
  pricing.as_of = "2026-11-01";
  pricing.models["gemini-embedding-001"] = {Price{150'000}, Price{75'000}};
  pricing.models["gemini-embedding-2"] = {Price{200'000}, Price{100'000}};
  pricing.models["text-embedding-3-small"] = {Price{20'000}, Price{10'000}};
  pricing.models["text-embedding-3-large"] = {Price{130'000}, Price{65'000}};
  pricing.models["text-embedding-ada-002"] = {Price{100'000}, Price{50'000}};
}

Result<Config> ParseConfig(std::string_view yaml, const std::string& name) {
  if (yaml.size() > kMaxConfigBytes) {
    return YamlError(name, 1, "larger than " + std::to_string(kMaxConfigBytes) + " bytes");
  }
  const Result<YamlNode> root = ParseYaml(yaml, name);
  if (!root.ok()) return root.status();
  if (Status clean = RefuseSecrets(*root, name); !clean.ok()) return clean;
  if (root->kind != YamlNode::Kind::kMap && root->kind != YamlNode::Kind::kNothing) {
    return YamlError(name, root->line, "a configuration must be a map of keys");
  }
  Config config;
  if (Status read = ReadSection(*root, "", name, &config); !read.ok()) return read;
  if (Status dated = CheckPricesAreDated(*root, name); !dated.ok()) return dated;
  return config;
}

Result<Config> LoadConfig(const std::filesystem::path& path) {
  const Result<std::string> content = ReadWholeFile(path, kMaxConfigBytes);
  if (!content.ok()) return content.status();
  return ParseConfig(*content, path.string());
}

}  // namespace embstore
