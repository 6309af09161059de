// SPDX-License-Identifier: Apache-2.0
// The table of all settings: what config.yaml may hold, and where it goes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "embstore/config.h"
#include "embstore/money.h"

namespace embstore {

/// "YYYY-MM-DD".
struct IsoDate {
  std::string* text;
};
/// A name in the sense of IsSafeName.
struct FileName {
  std::string* text;
};
/// One of the providers.
struct ProviderName {
  std::string* text;
};

/// True for "resend", false for "hold".
struct ResendOrHold {
  bool* resend;
};

/// Where a value goes; its type tells what may be written. An optional number also takes "auto",
/// an optional amount of money "none".
using Target =
    std::variant<bool*, std::uint32_t*, std::uint64_t*, std::optional<std::uint64_t>*, double*,
                 Money*, std::optional<Money>*, ResendOrHold, std::string*, std::filesystem::path*,
                 IsoDate, FileName, ProviderName, DatasetFormat*, std::vector<std::string>*,
                 std::map<std::string, SplitConfig>*, std::map<std::string, ModelPrice>*>;

/// One row. Immutable after construction.
struct Setting {
  std::string_view path;  ///< "section.key", or "key" at the top.
  Target (*target)(Config* config);
  std::uint64_t min;  ///< Of a number, or of a text's bytes.
  std::uint64_t max;
  std::string_view help;
};

/// All rows, in the order of the shipped config.yaml.
std::span<const Setting> AllSettings();

}  // namespace embstore
