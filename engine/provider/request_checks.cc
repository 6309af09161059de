// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/request_checks.h"

#include <algorithm>
#include <string>

#include "engine/base/text.h"

namespace embstore {
namespace {

constexpr std::uint64_t kMinRequestBytes = 4096;
constexpr std::uint32_t kMaxConcurrency = 256;

}  // namespace

Status CheckTexts(std::span<const std::string_view> texts, std::uint32_t max_texts) {
  if (texts.empty() || texts.size() > max_texts) {
    return Status(Code::kInternal, std::to_string(texts.size()) + " texts in one call");
  }
  for (const std::string_view text : texts) {
    if (text.empty()) return Status(Code::kRejected, "not sent: an empty text");
    if (FindInvalidUtf8(text) != std::string_view::npos) {
      return Status(Code::kRejected, "not sent: a text that is not valid UTF-8");
    }
  }
  return Status();
}

Status CheckKeyCharacters(const Secret& key) {
  const std::string& value = key.Reveal();
  const bool graphic =
      std::all_of(value.begin(), value.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (graphic) return Status();
  return Status(Code::kPermissionDenied,
                "the API key has a space, a line break or another character in it that no key has");
}

Status CheckSendNumbers(const SendNumbers& numbers) {
  if (numbers.max_request_bytes < kMinRequestBytes) {
    return Status(Code::kInvalidArgument,
                  "bytes in one request: " + std::to_string(numbers.max_request_bytes) +
                      "; at least 4096 are needed");
  }
  if (numbers.concurrency < 1 || numbers.concurrency > kMaxConcurrency) {
    return Status(Code::kInvalidArgument,
                  "requests at the same time: " + std::to_string(numbers.concurrency) +
                      "; 1 to 256 are possible");
  }
  if (numbers.connect_timeout.count() <= 0 || numbers.request_timeout.count() <= 0) {
    return Status(Code::kInvalidArgument, "a timeout is more than zero");
  }
  return Status();
}

}  // namespace embstore
