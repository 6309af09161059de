// SPDX-License-Identifier: Apache-2.0
// How documents and reports are written on stdout.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embstore/store.h"
#include "engine/json/json_writer.h"

namespace embstore::tool {

/// Aligned "name  value" lines.
std::string FormatFacts(const std::vector<std::pair<std::string, std::string>>& facts);

/// Columns as wide as their widest cell. The first row is the head; a column whose head begins with
/// '>' stands to the right.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

/// "2026-11-26 22:52", UTC.
std::string FormatMinute(std::int64_t unix_micros);

/// "12.3 MB", in powers of ten.
std::string FormatBytes(std::uint64_t bytes);

/// An integer label as a number, another one as a string, none as null.
void WriteLabel(const std::optional<std::string>& label, JsonWriter* json);

/// The text of a document, or null when the store does not keep texts.
Status WriteText(const Store& store, const TextKey& text, JsonWriter* json);

}  // namespace embstore::tool
