// SPDX-License-Identifier: Apache-2.0
#include "engine/base/split_name.h"

#include "engine/base/text.h"

namespace embstore {

Status CheckSplitName(std::string_view split) {
  if (IsSafeName(split)) return {};
  return {Code::kInvalidArgument,
          "'" + Printable(split, 80) +
              "' is no name for a split: use 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with . "
              "or -"};
}

}  // namespace embstore
