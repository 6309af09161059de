// SPDX-License-Identifier: Apache-2.0
// What is checked before anything is sent, whoever the server is.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "embstore/provider.h"
#include "embstore/status.h"

namespace embstore {

/// kInternal: none or more than `max_texts`. kRejected: an empty text or one that is not valid
/// UTF-8; servers refuse the whole call for it.
Status CheckTexts(std::span<const std::string_view> texts, std::uint32_t max_texts);

/// kPermissionDenied: a blank, a control character or a byte beyond ASCII. An empty key passes.
Status CheckKeyCharacters(const Secret& key);

/// How requests are sent. kInvalidArgument: a number that cannot work.
struct SendNumbers {
  std::uint64_t max_request_bytes = 0;
  std::uint32_t concurrency = 0;
  std::chrono::milliseconds connect_timeout{0};
  std::chrono::milliseconds request_timeout{0};
};
Status CheckSendNumbers(const SendNumbers& numbers);

}  // namespace embstore
