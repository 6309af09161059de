// SPDX-License-Identifier: Apache-2.0
// Resumable upload of a file, in pieces, so that memory stays flat.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "embstore/status.h"
#include "engine/provider/gemini_calls.h"

namespace embstore {

/// Uploads the file at `path` under `display_name` and answers its name. What the server says of
/// its size and digest must fit. A server that does not take `mime_type` is asked once more with
/// text/plain. kInvalidArgument: the file is empty or cannot be read. kUnavailable: it broke off;
/// repeat the whole of it.
Result<std::string> UploadGeminiFile(const GeminiEndpoint& endpoint,
                                     const std::filesystem::path& path,
                                     std::string_view display_name, std::string_view mime_type);

}  // namespace embstore
