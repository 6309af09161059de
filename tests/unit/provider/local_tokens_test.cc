// SPDX-License-Identifier: Apache-2.0
// Which words the local provider sees, and what it knows about them.
#include "engine/provider/local_tokens.h"

#include <doctest/doctest.h>

#include <string>

#include "engine/provider/local_lexicon.h"

namespace embstore {
namespace {

std::string Words(std::string_view text) {
  LocalTokens tokens;
  tokens.Assign(text);
  std::string out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) out += '|';
    out += tokens.word(i);
    CHECK(tokens.padded(i) == " " + std::string(tokens.word(i)) + " ");
  }
  return out;
}

TEST_CASE("local tokens: words are runs of letters and digits in lower case") {
  CHECK(Words("Hello, World-wide 42nd MP3s!") == "hello|world|wide|42nd|mp3s");
  CHECK(Words("") == "");
  CHECK(Words("... !") == "");
}

TEST_CASE("local tokens: characters beyond ASCII belong to words and keep their bytes") {
  CHECK(Words("Caf\xC3\xA9 \xC3\x89T\xC3\x89") == "caf\xC3\xA9|\xC3\x89t\xC3\x89");
  CHECK(Words("\xF0\x9F\x98\x80!") == "\xF0\x9F\x98\x80");
}

TEST_CASE("local tokens: wide spaces, quotes and dashes end words") {
  CHECK(Words("a\xC2\xA0"
              "b \xE2\x80\x9Cquoted\xE2\x80\x9D one\xE2\x80\x94two") == "a|b|quoted|one|two");
  CHECK(Words("\xE6\x9D\xB1\xE3\x80\x82\xE4\xBA\xAC") == "\xE6\x9D\xB1|\xE4\xBA\xAC");
  CHECK(Words("\xE2\x82\xAC"
              "5") ==
        "\xE2\x82\xAC"
        "5");
}

TEST_CASE("local tokens: backslashes and dollar signs end words") {
  CHECK(Words("social\\network \\$415 million") == "social|network|415|million");
}

TEST_CASE("local tokens: character references are left out, whole or without ampersand") {
  CHECK(Words("Apple #39;s  quot;iPod quot; &amp; co&nbsp;ltd &#x27;x&quot;") ==
        "apple|s|ipod|co|ltd|x");
  CHECK(Words("#36;10 # 5 #hashtag;s") == "10|5|s");
  CHECK(Words("squot; lamp; alt;") == "squot|lamp|alt");
  CHECK(Words("issue #123456789; x") == "issue|123456789|x");
}

TEST_CASE("local tokens: tags are left out, other angle brackets are not") {
  CHECK(Words("&lt;A HREF=\"http://x.com\"&gt;MSFT.O&lt;/A&gt; rose") == "msft|o|rose");
  CHECK(Words("<b>bold</b>ness <br/>end") == "bold|ness|end");
  CHECK(Words("1 < 2 and 3 > 2, a <b") == "1|2|and|3|2|a|b");
  CHECK(Words("<a" + std::string(600, 'x') + ">").size() == 601);
}

TEST_CASE("local tokens: a second text leaves nothing of the first") {
  LocalTokens tokens;
  tokens.Assign("one two three");
  tokens.Assign("four");
  REQUIRE(tokens.size() == 1);
  CHECK(tokens.word(0) == "four");
}

TEST_CASE("local lexicon: common words weigh little, rare ones much") {
  const LocalLexicon& lexicon = LocalLexicon::Get();
  CHECK(lexicon.Find("the").weight == 12);
  CHECK_FALSE(lexicon.Find("the").has_topics);
  CHECK(lexicon.Find("football").has_topics);
  CHECK(lexicon.Find("football").weight > lexicon.Find("person").weight);
  CHECK(lexicon.Find("xyzzy").weight == 70);
  CHECK(lexicon.Find("2004").weight == 22);
  CHECK(lexicon.Find("z").weight == 19);
}

TEST_CASE("local lexicon: topics place related words together") {
  const auto dot = [](std::string_view a, std::string_view b) {
    const LocalWord& first = LocalLexicon::Get().Find(a);
    const LocalWord& second = LocalLexicon::Get().Find(b);
    REQUIRE(first.has_topics);
    REQUIRE(second.has_topics);
    int sum = 0;
    for (std::size_t i = 0; i < kTopics; ++i) sum += first.topics[i] * second.topics[i];
    return sum;
  };
  CHECK(dot("football", "baseball") > dot("football", "bacteria"));
  CHECK(dot("tax", "payment") > dot("tax", "baseball"));
  CHECK(dot("software", "computer") > dot("software", "bishop"));
}

}  // namespace
}  // namespace embstore
