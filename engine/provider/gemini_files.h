// SPDX-License-Identifier: Apache-2.0
// Files on the Gemini API's server, apart from uploading them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/status.h"
#include "engine/provider/gemini_calls.h"

namespace embstore {

/// Names of uploaded files called `display_name`.
Result<std::vector<std::string>> FindGeminiFiles(const GeminiEndpoint& endpoint,
                                                 std::string_view display_name);

/// See BatchApi::Download. The file is never asked about first: the server refuses that for the
/// long names of result files.
Status DownloadGeminiFile(const GeminiEndpoint& endpoint, std::string_view name,
                          const std::function<Status(std::string_view)>& sink);

/// Ok also when the file is gone. kInvalidArgument: a result file; the server cannot delete those.
Status DeleteGeminiFile(const GeminiEndpoint& endpoint, std::string_view name);

}  // namespace embstore
