// SPDX-License-Identifier: Apache-2.0
// Every libcurl setting of a transfer, as data. libcurl cannot be asked what was set, so the
// settings are built here, checked by a test, and applied by a loop that adds nothing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "embstore/status.h"
#include "engine/http/transport.h"

struct curl_slist;

namespace embstore {

/// What only exists while a transfer runs; EasyHooks has the values.
enum class EasyHook {
  kReadFunction,
  kWriteFunction,
  kHeaderFunction,
  kPrereqFunction,
  kContext,
  kErrorBuffer,
  kHeaderList,
};

/// The callbacks of a transfer, in libcurl's types.
struct EasyHooks {
  std::size_t (*read)(char*, std::size_t, std::size_t, void*) = nullptr;
  std::size_t (*write)(char*, std::size_t, std::size_t, void*) = nullptr;
  std::size_t (*header)(char*, std::size_t, std::size_t, void*) = nullptr;
  int (*prereq)(void*, char*, char*, int, int) = nullptr;
  void* context = nullptr;       ///< Given to each of them.
  char* error_buffer = nullptr;  ///< At least CURL_ERROR_SIZE bytes.
  curl_slist* headers = nullptr;
};

struct EasySetting {
  std::string_view name;  ///< As in libcurl, without CURLOPT_.
  int option = 0;         ///< The CURLoption.
  std::variant<long, std::string, EasyHook, std::nullptr_t> value;
};

/// All settings for `request`, in the order in which they are applied. The secret is not among
/// them. kInvalidArgument: the URL, the method or a header may not be sent.
Result<std::vector<EasySetting>> BuildSettings(const HttpRequest& request,
                                               const CurlOptions& options);

/// The header lines of `request` without the secret one. Replies over HTTPS are asked for packed.
std::vector<std::string> BuildHeaderLines(const HttpRequest& request);

/// Gives `settings` to `easy` (a CURL*). kInvalidArgument: libcurl refused one.
Status ApplySettings(const std::vector<EasySetting>& settings, const EasyHooks& hooks, void* easy);

}  // namespace embstore
