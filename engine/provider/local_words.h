// SPDX-License-Identifier: Apache-2.0
// The word tables of the local provider, as text. Immutable.
#pragma once

#include <string_view>

namespace embstore {

/// Words that say little about a topic, separated by spaces.
extern const std::string_view kCommonWords;

/// Words of general English, separated by spaces. An entry is twelve characters of base 64
/// ("A" is 0, "_" is 63) and then the word in lower case. The first character is the weight, the
/// other eleven are the topic code, least significant six bits first. Of the code's 32 pairs of
/// bits, the lower bit tells a negative component, the upper one a large component.
extern const std::string_view kTopicWords;

}  // namespace embstore
