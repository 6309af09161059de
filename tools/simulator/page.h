// SPDX-License-Identifier: Apache-2.0
// The pages of a list.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tools/simulator/http_message.h"

namespace embstore::simulator {

/// What a client asks for with pageSize and pageToken.
struct PageRequest {
  std::size_t first = 0;
  std::size_t size = 0;
  bool continued = false;  ///< it came with a token
};

/// Throws ApiError for a page size or token the service refuses.
PageRequest ParsePage(const HttpRequest& request, std::size_t default_size, std::size_t max_size);

/// The token that leads to the entry with the index `first`.
std::string PageToken(std::size_t first);

}  // namespace embstore::simulator
