// SPDX-License-Identifier: Apache-2.0
// Turns values of the YAML tree into settings.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "embstore/status.h"
#include "engine/config/settings.h"
#include "engine/config/yaml_tree.h"

namespace embstore {

/// Where messages say the problem is.
struct ValuePlace {
  const std::string& file;
  std::string path;  ///< The key with its sections.
};

/// Checks `node` against `setting` and stores it in `*config`.
Status ReadSetting(const Setting& setting, const YamlNode& node, const std::string& file,
                   Config* config);

/// "unknown key 'a.b'", with the nearest of the `known` names of that level if one is near.
Status UnknownKey(const YamlEntry& entry, const ValuePlace& place,
                  std::span<const std::string_view> known);

/// What is wrong with the value at `place`.
Status BadValue(const YamlNode& node, const ValuePlace& place, std::string_view expected);

}  // namespace embstore
