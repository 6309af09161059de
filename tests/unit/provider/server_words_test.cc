// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/server_words.h"

#include <doctest/doctest.h>

namespace embstore {

using std::chrono::milliseconds;

TEST_CASE("server words: a wait is read in all its units and nothing else is") {
  const std::pair<std::string_view, int> right[] = {
      {"0s", 0},       {"12ms", 12},           {"20ms", 20},      {"1.5s", 1500},
      {"48s", 48'000}, {"29.0501s", 29'051},   {"6m0s", 360'000}, {"1h2m3s", 3'723'000},
      {"1s5ms", 1005}, {"99h", 24 * 3'600'000}};
  for (const auto& [text, expected] : right) {
    CAPTURE(text);
    CHECK(ParseWait(text) == milliseconds(expected));
  }
  for (const std::string_view text :
       {"", "s", "5", "-5s", "5x", "5 s", " 5s", "5s ", "nans", "infs", "1e3s", "1d", "0x1s"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseWait(text).has_value());
  }
}

TEST_CASE("server words: the wait in a sentence is found") {
  CHECK(WaitInWords("Rate limit reached for x. Please try again in 20ms. Visit y.").count() == 20);
  CHECK(WaitInWords("Please try again in 1.5s.").count() == 1500);
  CHECK(WaitInWords("Please try again in 6m0s").count() == 360'000);
  CHECK(WaitInWords("Please retry in 48.2s.").count() == 48'200);
  CHECK(WaitInWords("try again in a while").count() == 0);
  CHECK(WaitInWords("try again in ").count() == 0);
  CHECK(WaitInWords("").count() == 0);
}

TEST_CASE("server words: an excerpt has no key, no control characters and a bounded size") {
  const Secret key("canary-key-0123456789");
  CHECK(KeylessExcerpt("a canary-key-0123456789 b canary-key-0123456789", &key, 100) ==
        "a [key] b [key]");
  CHECK(KeylessExcerpt("\x1b[31mred", &key, 100) == "\\x1b[31mred");
  // What stands for the byte 9c ends with the letter that the key begins with.
  CHECK(KeylessExcerpt("\xe5\x9c"
                       "anary-key-0123456789",
                       &key, 100) == "\\xe5\\x9[key]");
  const std::string cut = KeylessExcerpt(std::string(95, 'x') + key.Reveal(), &key, 100);
  CHECK(cut.find("canary") == std::string::npos);
  CHECK(KeylessExcerpt("plain", nullptr, 100) == "plain");
  const Secret tiny("a");
  CHECK(KeylessExcerpt("a bad day", &tiny, 100) == "a bad day");
}

}  // namespace embstore
