// SPDX-License-Identifier: Apache-2.0
// The CSV reader: what it accepts, what it refuses and on which line it says so.
#include "csv_testing.h"

namespace embstore {
namespace {

std::string Error(std::string_view content, std::size_t columns = 0,
                  std::size_t max_record_bytes = 1000) {
  return Read(content, columns, max_record_bytes).error;
}

TEST_CASE("dataset: CSV fields may be bare, quoted, empty, and hold doubled quotes") {
  const CsvOutcome outcome = Read("a,\"b\",\n\"x\"\"y\",\"\"\"\",\"\"\n\"a,b\",\"\"\"q\"\"\",c");
  CHECK((outcome.records == Records{{"a", "b", ""}, {"x\"y", "\"", ""}, {"a,b", "\"q\"", "c"}}));
  CHECK((outcome.lines == std::vector<std::uint64_t>{1, 2, 3}));
  CHECK(outcome.error.empty());
}

TEST_CASE("dataset: CSV lines end with LF or CRLF, and the last needs no end") {
  const Records expected = {{"a", "b"}, {"c", "d"}};
  for (const char* content : {"a,b\nc,d\n", "a,b\nc,d", "a,b\r\nc,d\r\n", "a,b\r\nc,d",
                              "a,b\r\n\"c\",\"d\"\n", "\"a\",\"b\"\n\"c\",\"d\"\r\n\r\n\n"}) {
    CAPTURE(content);
    const CsvOutcome outcome = Read(content);
    CHECK((outcome.records == expected));
    CHECK(outcome.error.empty());
  }
}

TEST_CASE("dataset: a UTF-8 byte order mark before CSV is skipped, at the begin only") {
  CHECK((Read("\xef\xbb\xbf"
              "a,b\n")
             .records == Records{{"a", "b"}}));
  CHECK((Read("\xef\xbb\xbf\"a\",b\n").records == Records{{"a", "b"}}));
  CHECK((Read("a,b\n\xef\xbb\xbf"
              "c,d\n")
             .records[1][0] == "\xef\xbb\xbf"
                               "c"));
  CHECK(Read("\xef\xbb\xbf").records.empty());
}

TEST_CASE("dataset: line breaks within quotes are data and are counted") {
  const CsvOutcome outcome = Read("\"a\nb\",\"c\r\nd\"\ne,f\n\"g\",\"h\n\"\ni\n");
  CHECK((outcome.records == Records{{"a\nb", "c\r\nd"}, {"e", "f"}, {"g", "h\n"}}));
  CHECK((outcome.lines == std::vector<std::uint64_t>{1, 4, 5}));
  CHECK(outcome.error == "f:7: 1 column, 2 expected; hint");
}

TEST_CASE("dataset: doubled quotes and line breaks in one field keep the lines right") {
  const CsvOutcome outcome = Read("\"\"\"\n\"\"\n\"\"\n\",b\n\"x\ny\",\"z\n");
  CHECK((outcome.records == Records{{"\"\n\"\n\"\n", "b"}}));
  CHECK(outcome.error == "f:6: a quote opens here and is never closed; close it");
}

TEST_CASE("dataset: a wrong number of CSV columns names line, found and expected") {
  CHECK(Error("a,b\nc,d\ne,f,g\n") == "f:3: 3 columns, 2 expected; hint");
  CHECK(Error("a,b\nc\n") == "f:2: 1 column, 2 expected; hint");
  CHECK(Error("a,b\n", 3) == "f:1: 2 columns, 3 expected; hint");
  CHECK(Error("a,b,c,\n", 3) == "f:1: 4 columns, 3 expected; hint");
}

TEST_CASE("dataset: a CSV record of very many columns is an error") {
  const std::string commas(CsvReader::kMaxColumns, ',');
  CHECK(ReadOnce(Chunked(commas, 1u << 20), 0, 1u << 20).error ==
        "f:1: 65537 columns, at most 65536 expected; hint");
  CHECK(ReadOnce(Chunked(commas, 1u << 20), 2, 1u << 20).error ==
        "f:1: 65537 columns, 2 expected; hint");
}

TEST_CASE("dataset: an open CSV quote is reported where it opens") {
  CHECK(Error("a,b\nc,\"d\ne,f\ng,h\n") == "f:2: a quote opens here and is never closed; close it");
  CHECK(Error("\"a\nb\",\"c") == "f:2: a quote opens here and is never closed; close it");
  CHECK(Error("\"") == "f:1: a quote opens here and is never closed; close it");
  CHECK(Error("\"\"\"") == "f:1: a quote opens here and is never closed; close it");
}

TEST_CASE("dataset: text after a closing CSV quote is an error on its line") {
  const std::string what = "text after a closing quote; double each quote inside a quoted field";
  CHECK(Error("a,b\n\"c\nd\"x,e\n") == "f:3: " + what);
  CHECK(Error("\"a\" ,b\n") == "f:1: " + what);
}

TEST_CASE("dataset: a quote inside a bare CSV field is an error on its line") {
  CHECK(Error("a,b\nc,5\" pipe\n") ==
        "f:2: a quote inside an unquoted field; put the field in quotes and double the quote");
}

TEST_CASE("dataset: a lone carriage return outside CSV quotes is an error on its line") {
  const std::string what = "a carriage return without a line feed; end lines with LF or CRLF";
  CHECK(Error("a,b\rc,d\r") == "f:1: " + what);
  CHECK(Error("a,b\nc,d\r") == "f:2: " + what);
  CHECK(Error("a,b\n\"c\n\"\r\r\n") == "f:3: " + what);
  CHECK(Error("a\n\r") == "f:2: " + what);
  CHECK((Read("a,\"b\rc\"\n").records == Records{{"a", "b\rc"}}));
}

TEST_CASE("dataset: empty CSV lines are accepted at the end only") {
  CHECK((Read("a,b\n\n\r\n\n").records == Records{{"a", "b"}}));
  CHECK(Error("a,b\n\n\r\n\n").empty());
  CHECK(Error("\n\n").empty());
  CHECK(Error("").empty());
  CHECK(Error("a,b\n\n\nc,d\n") == "f:2: an empty line between records; remove it");
  CHECK(Error("\na,b\n") == "f:1: an empty line between records; remove it");
  CHECK(Error("a,b\n\r\n\"") == "f:2: an empty line between records; remove it");
  CHECK((Read("a\n\"\"\nb\n").records == Records{{"a"}, {""}, {"b"}}));
}

TEST_CASE("dataset: UTF-16 and UTF-32 are recognised by their byte order marks") {
  using namespace std::string_view_literals;
  const std::string utf16 = "f:1: the file is UTF-16; convert it: iconv -f UTF-16 -t UTF-8";
  const std::string utf32 = "f:1: the file is UTF-32; convert it: iconv -f UTF-32 -t UTF-8";
  CHECK(Error("\xff\xfe"
              "a\0,\0"sv) == utf16);
  CHECK(Error("\xfe\xff\0a\0,"sv) == utf16);
  CHECK(Error("\xff\xfe"sv) == utf16);
  CHECK(Error("\xff\xfe\0\0a\0\0\0"sv) == utf32);
  CHECK(Error("\0\0\xfe\xff\0\0\0a"sv) == utf32);
}

TEST_CASE("dataset: a NUL byte in CSV is the error that is named, with line and byte") {
  using namespace std::string_view_literals;
  const auto nul = [](std::string_view place) {
    return "f:" + std::string(place) +
           " of the line; the file must be UTF-8 text: convert UTF-16 or UTF-32 with iconv, "
           "remove NUL from text";
  };
  CHECK(Error("a,b\nc,d\0\n"sv) == nul("2: a NUL byte at byte 4"));
  CHECK(Error("a,b\n\"c\n\0\",d\n"sv) == nul("3: a NUL byte at byte 1"));
  CHECK(Error("a\0,\0b\0\n\0"sv) == nul("1: a NUL byte at byte 2"));
  CHECK(Error("\"\0a\0\"\0"sv) == nul("1: a NUL byte at byte 2"));
  CHECK(Error("\r\0\n\0"sv) == nul("1: a NUL byte at byte 2"));
  CHECK(Error(std::string(5000, '\0')) == nul("1: a NUL byte at byte 1"));
}

TEST_CASE("dataset: invalid UTF-8 in CSV names line and byte") {
  const auto invalid = [](std::string_view place, std::string_view byte) {
    return "f:" + std::string(place) + " of the line (0x" + std::string(byte) +
           "); convert the file to UTF-8, e.g. iconv -f ISO-8859-1 -t UTF-8";
  };
  CHECK(Error("a,b\ncaf\xe9,d\n") == invalid("2: invalid UTF-8 at byte 4", "e9"));
  CHECK(Error("\"a\n\xc0\xaf\",d\n") == invalid("2: invalid UTF-8 at byte 1", "c0"));
  CHECK(Error("a,\xed\xa0\x80\n") == invalid("1: invalid UTF-8 at byte 3", "ed"));
  CHECK(Error("a,\xe2\x82") == invalid("1: invalid UTF-8 at byte 3", "e2"));
  CHECK(Error("a,\xe2\x82\xac\n").empty());
}

TEST_CASE("dataset: a CSV record may have max_record_bytes and not one more") {
  const std::string too_long =
      "the record is longer than 10 bytes; look for a quote that is never closed, or split the "
      "record";
  for (const char* end : {"", "\n", "\r\n", "\nx,y\n"}) {
    CAPTURE(end);
    CHECK(Error("a,b\n1234567,90" + std::string(end), 2, 10).empty());
    CHECK(Error("a,b\n1234567,901" + std::string(end), 2, 10) == "f:2: " + too_long);
    CHECK(Error("a,b\n\"23456\",90" + std::string(end), 2, 10).empty());
    CHECK(Error("a,b\n\"23456\",901" + std::string(end), 2, 10) == "f:2: " + too_long);
  }
  CHECK(Error("a,b\n\"c\n" + std::string(1000, 'x'), 2, 10) == "f:2: " + too_long);
  CHECK(Error("a,b\n" + std::string(1000, ','), 2, 10) == "f:2: " + too_long);
}

/// A quoted field without end that counts what is taken from it.
class EndlessSource final : public ByteSource {
 public:
  explicit EndlessSource(std::size_t* served) : served_(served) {}
  Result<std::size_t> Read(std::span<char> buffer) override {
    std::fill(buffer.begin(), buffer.end(), 'x');
    if (*served_ == 0) buffer[0] = '"';
    *served_ += buffer.size();
    return buffer.size();
  }

 private:
  std::size_t* const served_;
};

TEST_CASE("dataset: an endless CSV field is not read beyond the limit") {
  std::size_t served = 0;
  const CsvOutcome outcome = ReadOnce(std::make_unique<EndlessSource>(&served), 0, 1u << 20);
  CHECK(outcome.error.starts_with("f:1: the record is longer than 1048576 bytes;"));
  CHECK(served <= (1u << 20) + (256u << 10));
}

TEST_CASE("dataset: an error of the source comes after the records before it, with its line") {
  for (const std::size_t chunk : ChunkSizes()) {
    const Status broken(Code::kInvalidArgument, "broken; mend it");
    const CsvOutcome outcome =
        ReadOnce(std::make_unique<MemorySource>("a,b\n\"c\n\",d\n\"e\nf", chunk, broken), 0, 1000);
    CHECK((outcome.records == Records{{"a", "b"}, {"c\n", "d"}}));
    CHECK(outcome.error == "f:5: broken; mend it");
  }
}

}  // namespace
}  // namespace embstore
