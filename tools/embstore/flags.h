// SPDX-License-Identifier: Apache-2.0
// The parser of the command line, for the files that add flags.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

namespace embstore::tool {

/// Accepts a decimal number from 0 to `most`; the parser itself would let -1 wrap around.
CLI::Validator WholeNumber(std::uint64_t most);

}  // namespace embstore::tool
