// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "embstore/status.h"

namespace embstore {

/// kInvalidArgument: not safe as a part of a file's name (IsSafeName), and so no name for a split.
Status CheckSplitName(std::string_view split);

}  // namespace embstore
