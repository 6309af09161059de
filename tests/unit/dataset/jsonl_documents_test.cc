// SPDX-License-Identifier: Apache-2.0
// Documents from jsonl files.
#include "source_testing.h"

namespace embstore {
namespace {

Outcome ReadJsonl(std::string_view content, std::vector<std::string> text = {"text"},
                  std::string id = "", std::string label = "",
                  std::size_t max_record_bytes = 2000) {
  return ReadDocuments(content, {.path = {},
                                 .format = DatasetFormat::kJsonl,
                                 .text_fields = std::move(text),
                                 .id_field = std::move(id),
                                 .label_field = std::move(label),
                                 .max_record_bytes = max_record_bytes});
}

std::string Error(std::string_view content) { return ReadJsonl(content).error; }

TEST_CASE("dataset: jsonl finds text, id and label by name") {
  const Outcome outcome = ReadJsonl(
      "{\"id\":\"a\",\"t\":\"x\",\"u\":\"y\",\"label\":3,\"other\":[1,{\"t\":2}]}\n"
      "{\"label\":\"L\",\"u\":\"\",\"t\":\"\\u20ac\\ud83d\\ude00\\n\",\"id\":-7}\r\n"
      " {\"label\":true,\"u\":\"q\",\"t\":\"r\",\"id\":9223372036854775807} ",
      {"t", "u"}, "id", "label");
  CHECK(outcome.error.empty());
  CHECK((outcome.rows == std::vector<Row>{{0, 1, "a", "x y", "3"},
                                          {1, 2, "-7", "\u20ac\U0001F600\n ", "L"},
                                          {2, 3, "9223372036854775807", "r q", "true"}}));
}

TEST_CASE("dataset: jsonl without id and label counts and labels nothing") {
  const Outcome outcome = ReadJsonl("\xef\xbb\xbf{\"text\":\"a\"}\n{\"text\":\"\"}");
  CHECK(outcome.error.empty());
  CHECK((outcome.rows ==
         std::vector<Row>{{0, 1, "0", "a", std::nullopt}, {1, 2, "1", "", std::nullopt}}));
}

TEST_CASE("dataset: blank jsonl lines are accepted at the end only") {
  CHECK((ReadJsonl("") == Outcome{}));
  CHECK((ReadJsonl("\n \n") == Outcome{}));
  CHECK(ReadJsonl("{\"text\":\"a\"}\n\n \t\r\n").rows.size() == 1);
  CHECK(Error("{\"text\":\"a\"}\n\n \t\r\n").empty());
  CHECK(Error("{\"text\":\"a\"}\n\n \n{\"text\":\"b\"}\n") ==
        "f:2: an empty line between records; remove it");
}

TEST_CASE("dataset: a jsonl line that is no JSON object is an error on its line") {
  const std::string hint = "; each line must be one JSON object";
  CHECK(Error("{\"text\":\"a\"}\n[1]\n") == "f:2: found an array instead of an object" + hint);
  CHECK(Error("{\"text\":\"a\"}\n\"s\"\n") == "f:2: found a string instead of an object" + hint);
  CHECK(Error("{\"text\":\"a\"}\nnull\n") == "f:2: found null instead of an object" + hint);
  CHECK(Error("1\n") == "f:1: found a number instead of an object" + hint);
  for (const char* line : {"{\"text\":\"a\"", "{\"text\":\"a\"} x", "{\"text\":\"a\"}{}",
                           "{text:1}", "{\"text\":\"a\",}", "{\"text\":'a'}", "{\"text\":NaN}",
                           "{\"text\":\"a\",\"n\":1e999}", "{\"text\":\"\\x\"}", "# c"}) {
    CAPTURE(line);
    const std::string error = Error("{\"text\":\"a\"}\n" + std::string(line) + "\n");
    CHECK(error.starts_with("f:2: invalid JSON: "));
    CHECK(error.ends_with(hint));
  }
}

TEST_CASE("dataset: a JSON array instead of jsonl is recognised") {
  const std::string hint =
      "; the file seems to be one JSON array: write one object a line, e.g. jq -c '.[]'";
  CHECK(Error("[{\"text\":\"a\"}]\n") == "f:1: found an array instead of an object" + hint);
  CHECK(Error("[\n{\"text\":\"a\"}\n]\n").ends_with(hint));
}

TEST_CASE("dataset: jsonl nesting is limited") {
  const auto nested = [](std::size_t depth) {
    return "{\"text\":\"a\",\"n\":" + std::string(depth, '[') + std::string(depth, ']') + "}\n";
  };
  CHECK(Error(nested(60)).empty());
  CHECK(Error(nested(64)).starts_with("f:1: invalid JSON: "));
  CHECK(Error(nested(900)).starts_with("f:1: invalid JSON: "));
}

TEST_CASE("dataset: lone surrogates and invalid UTF-8 in jsonl are errors") {
  CHECK(Error("{\"text\":\"\\ud83d\"}\n").starts_with("f:1: invalid JSON: "));
  CHECK(Error("{\"text\":\"\\ude00\\ud83d\"}\n").starts_with("f:1: invalid JSON: "));
  CHECK(Error("{\"text\":\"a\"}\n{\"text\":\"\xe9\"}\n") ==
        "f:2: invalid UTF-8 at byte 10 of the line (0xe9); convert the file to UTF-8, e.g. iconv "
        "-f ISO-8859-1 -t UTF-8");
}

TEST_CASE("dataset: NUL in jsonl is an error, raw or escaped") {
  using namespace std::string_view_literals;
  CHECK(Error("{\"text\":\"a\"}\n{\"text\":\"a\\u0000b\"}\n") ==
        "f:2: the field 'text' holds a NUL (\\u0000); remove it");
  CHECK(ReadJsonl("{\"text\":\"a\",\"l\":\"\\u0000\"}\n", {"text"}, "", "l").error ==
        "f:1: the field 'l' holds a NUL (\\u0000); remove it");
  const std::string raw =
      " of the line; the file must be UTF-8 text: convert UTF-16 or UTF-32 with iconv, remove NUL "
      "from text";
  CHECK(Error("{\"text\":\"\0\"}\n"sv) == "f:1: a NUL byte at byte 10" + raw);
  CHECK(Error("{\0\"\0"sv) == "f:1: a NUL byte at byte 2" + raw);
  CHECK(Error(std::string(5000, '\0')) == "f:1: a NUL byte at byte 1" + raw);
  CHECK(Error("\xff\xfe{\0"sv) == "f:1: the file is UTF-16; convert it: iconv -f UTF-16 -t UTF-8");
}

TEST_CASE("dataset: a missing jsonl field names the line, the fields and the nearest") {
  CHECK(Error("{\"text\":\"a\"}\n{\"txt\":\"a\",\"id\":1}\n") ==
        "f:2: the object has no field 'text'; did you mean 'txt'? it has: txt, id");
  CHECK(Error("{}\n") == "f:1: the object has no field 'text'; it has no fields");
  CHECK(ReadJsonl("{\"text\":\"a\"}\n", {"text"}, "key").error ==
        "f:1: the object has no field 'key'; it has: text");
  CHECK(ReadJsonl("{\"text\":\"a\"}\n", {"text"}, "", "label").error ==
        "f:1: the object has no field 'label'; it has: text");
}

TEST_CASE("dataset: a chosen jsonl field that comes twice is an error") {
  CHECK(Error("{\"text\":\"a\",\"te\\u0078t\":\"b\"}\n") ==
        "f:1: the object has the field 'text' twice; remove one of them");
  CHECK(Error("{\"text\":\"a\",\"x\":1,\"x\":2}\n").empty());
}

TEST_CASE("dataset: jsonl values of the wrong type name field and type") {
  CHECK(Error("{\"text\":1}\n") == "f:1: the field 'text' is a number; it must be a string");
  CHECK(Error("{\"text\":null}\n") == "f:1: the field 'text' is null; it must be a string");
  CHECK(Error("{\"text\":[\"a\"]}\n") == "f:1: the field 'text' is an array; it must be a string");
  CHECK(Error("{\"text\":{}}\n") == "f:1: the field 'text' is an object; it must be a string");
  CHECK(Error("{\"text\":true}\n") == "f:1: the field 'text' is a boolean; it must be a string");
  const auto id = [](const std::string& value) {
    return ReadJsonl("{\"text\":\"a\",\"i\":" + value + "}\n", {"text"}, "i").error;
  };
  const std::string id_rule = "; it must be a string or a 64-bit integer";
  CHECK(id("1.5") == "f:1: the field 'i' is a number" + id_rule);
  CHECK(id("18446744073709551615") == "f:1: the field 'i' is a number" + id_rule);
  CHECK(id("true") == "f:1: the field 'i' is a boolean" + id_rule);
  CHECK(id("null") == "f:1: the field 'i' is null" + id_rule);
  CHECK(id("\"\"") == "f:1: the id is empty; give every document an id");
  CHECK(id("\"a\\u0000b\"") ==
        "f:1: the id 'a\\x00b' holds a control character; use printable characters only");
  const auto label = [](const std::string& value) {
    return ReadJsonl("{\"text\":\"a\",\"l\":" + value + "}\n", {"text"}, "", "l");
  };
  const std::string label_rule = "; it must be a string, a 64-bit integer or a boolean";
  CHECK(label("1.5").error == "f:1: the field 'l' is a number" + label_rule);
  CHECK(label("null").error == "f:1: the field 'l' is null" + label_rule);
  CHECK(*label("false").rows[0].label == "false");
  CHECK(*label("-3").rows[0].label == "-3");
  CHECK(*label("\"\"").rows[0].label == "");
}

TEST_CASE("dataset: a jsonl line may have max_record_bytes and not one more") {
  const std::string line = "{\"text\":\"abc\"}";
  const auto error = [&](std::size_t limit, const std::string& end) {
    return ReadJsonl("{\"text\":\"\"}\n" + line + end, {"text"}, "", "", limit).error;
  };
  for (const char* end : {"", "\n", "\r\n", "\n{\"text\":\"\"}\n"}) {
    CAPTURE(end);
    CHECK(error(line.size(), end).empty());
    CHECK(error(line.size() - 1, end) ==
          "f:2: the line is longer than 13 bytes; put each object on a line of its own, or split "
          "it");
  }
  CHECK(error(50, std::string(5000, ' ')).starts_with("f:2: the line is longer than 50 bytes;"));
}

TEST_CASE("dataset: jsonl lines of all sizes come through whole, however large the file") {
  std::vector<Row> rows;
  std::string text;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::size_t size = i % 1000 == 999 ? 700'000 : i % 613;
    rows.push_back({i, i + 1, std::to_string(i), std::string(size, static_cast<char>('a' + i % 26)),
                    std::nullopt});
    text += "{\"text\":\"" + rows[i].text + "\"}\n";
  }
  FileDatasetOptions options;
  options.format = DatasetFormat::kJsonl;
  for (const std::size_t chunk : {1000u, 65'537u, 1u << 30}) {
    CAPTURE(chunk);
    const Outcome outcome = Drain(MakeDocumentReader(Chunked(text, chunk), options).get());
    CHECK(outcome.error.empty());
    CHECK((outcome.rows == rows));
  }
}

}  // namespace
}  // namespace embstore
