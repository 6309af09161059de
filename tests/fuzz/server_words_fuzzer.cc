// SPDX-License-Identifier: Apache-2.0
// What a server or a person wrote, made fit for a message; names; addresses.
#include "engine/http/reply.h"
#include "engine/http/url.h"
#include "engine/provider/server_words.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

void CheckWords(std::string_view text) {
  for (const std::size_t limit : {std::size_t{0}, std::size_t{10}, text.size()}) {
    const std::string words = KeylessExcerpt(text, &Key(), limit);
    FUZZ_CHECK(words.size() <= limit + 3);
    FUZZ_CHECK(IsShowable(words));
    FUZZ_CHECK(words.find(Key().Reveal()) == std::string::npos);
    const std::string shown = Printable(text, limit);
    FUZZ_CHECK(shown.size() <= limit + 3 && IsUtf8(shown) && IsShowable(shown));
  }
}

void CheckWait(std::chrono::milliseconds wait) {
  FUZZ_CHECK(wait.count() >= 0 && wait <= std::chrono::hours(24));
}

void CheckName(std::string_view name) {
  if (!IsSafeName(name)) return;
  FUZZ_CHECK(!name.empty() && name.size() <= 64 && name[0] != '.' && name[0] != '-');
  for (const char c : name) {
    FUZZ_CHECK((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-');
  }
}

void CheckAddress(std::string_view text) {
  const auto url = CheckUrl(text);
  if (!url.ok()) return CheckMessage(url.status());
  FUZZ_CHECK(url->text.starts_with("https://") || url->text.starts_with("http://"));
  FUZZ_CHECK(url->plain_http == url->text.starts_with("http://"));
  FUZZ_CHECK(url->text.find_first_of("@?# \t\r\n") == std::string::npos);
  FUZZ_CHECK(!url->text.ends_with('/'));
  // A checked address is one, and the same.
  const auto again = CheckUrl(url->text);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(again->text == url->text && again->host == url->host);
  FUZZ_CHECK(UrlHost(url->text) == url->host);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::string_view text = input.rest();
  CheckWords(text);
  CheckName(text);
  CheckAddress(text);
  CheckWait(WaitInWords(text));
  if (const auto wait = ParseWait(text)) CheckWait(*wait);
  const std::string date(input.Until('\n'));
  if (const auto wait = ParseRetryAfter(input.rest(), date)) CheckWait(*wait);
  const std::string encoded = UrlEncode(text);
  FUZZ_CHECK(encoded.find_first_of("/?#&=@:\r\n ") == std::string::npos);
  return 0;
}
