// SPDX-License-Identifier: Apache-2.0
// The error replies of the OpenAI endpoints.
#pragma once

#include <string_view>

#include "tools/simulator/api_error.h"
#include "tools/simulator/quota.h"

namespace embstore::simulator {

/// An error of `type`; `code` and `param` are null when empty.
ApiError OpenAiError(int http_status, std::string_view type, std::string_view code,
                     std::string_view message, std::string_view param = "");

/// 400 invalid_request_error.
ApiError OpenAiInvalid(std::string_view message, std::string_view param = "");

/// 400 for an input of the wrong form.
ApiError OpenAiInvalidInput();

ApiError OpenAiMissingKey();
ApiError OpenAiBadKey(std::string_view key);
ApiError OpenAiModelNotFound(std::string_view model);
ApiError OpenAiPathNotFound(std::string_view method, std::string_view path);

/// 429 for a refused call, with the time to wait in headers.
ApiError OpenAiRateLimited(std::string_view model, const QuotaVerdict& verdict);

/// 429 that waiting does not end.
ApiError OpenAiNoCredit();

/// 424 as some servers of their own write it: not inside "error".
ApiError PlainBackendError();

/// The reply the service would give with `http_status`, for faults.
ApiError OpenAiErrorForStatus(int http_status, std::string_view model);

}  // namespace embstore::simulator
