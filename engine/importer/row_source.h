// SPDX-License-Identifier: Apache-2.0
// Sources whose rows come in an order of their own and say which text or document they belong to.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/import.h"
#include "embstore/status.h"

namespace embstore {

/// What a row belongs to.
struct RowKey {
  enum class Kind : std::uint8_t {
    kNone,  ///< Nothing that could be found.
    kText,
    kMd5,  ///< Of a text.
    kId,
  };
  Kind kind = Kind::kNone;
  std::array<std::uint8_t, 16> digest{};
  auto operator<=>(const RowKey&) const = default;

  static RowKey OfText(std::string_view text);
  static RowKey OfId(std::string_view id);
  /// Of the digest of a text, 16 bytes; of anything else: kNone.
  static RowKey OfMd5(std::string_view md5);
};

struct SourceRow {
  std::string name;  ///< For lists of rows, e.g. "line 7".
  RowKey key;
  std::vector<float> vector;  ///< Empty: an error in the place of a vector.
};

/// Reads a source once. Not thread-safe; one thread at a time.
class RowReader {
 public:
  virtual ~RowReader() = default;
  /// Fills `*row` and answers true, or answers false at the end. kInvalidArgument: malformed, or
  /// no good vector of the right size; the message names the file and the place in it.
  virtual Result<bool> Next(SourceRow* row) = 0;
};

/// A file of rows, which can be read more than once.
class RowFile {
 public:
  virtual ~RowFile() = default;
  virtual std::string Name() const = 0;
  virtual Result<std::unique_ptr<RowReader>> Open(std::uint32_t dimensions) = 0;
  virtual std::vector<std::string> Remarks() const { return {}; }
};

/// Finds rows by their keys. The vectors go through a file without a name in `scratch`.
std::unique_ptr<VectorSource> MakeRowSource(std::unique_ptr<RowFile> file,
                                            std::filesystem::path scratch);

}  // namespace embstore
