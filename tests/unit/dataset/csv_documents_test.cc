// SPDX-License-Identifier: Apache-2.0
// Documents from ag_news and csv files.
#include "source_testing.h"

namespace embstore {
namespace {

Outcome ReadAgNews(std::string_view content, std::size_t max_record_bytes = 1000) {
  return ReadDocuments(content, {.path = {},
                                 .format = DatasetFormat::kAgNews,
                                 .text_fields = {"text"},
                                 .id_field = "",
                                 .label_field = "",
                                 .max_record_bytes = max_record_bytes});
}

Outcome ReadCsv(std::string_view content, std::vector<std::string> text, std::string id = "",
                std::string label = "") {
  return ReadDocuments(content, {.path = {},
                                 .format = DatasetFormat::kCsv,
                                 .text_fields = std::move(text),
                                 .id_field = std::move(id),
                                 .label_field = std::move(label),
                                 .max_record_bytes = 1000});
}

TEST_CASE("dataset: ag_news joins title and description and labels with the class") {
  const Outcome outcome = ReadAgNews(
      "\"3\",\"Fears for T N pension\",\"Unions \"\"disappointed\"\" at Turner\\Newall.\"\n"
      "\"4\",\" a \",\"\"\n"
      "1,b,\"c\nd\"\r\n"
      "\"2\",\"\",\"e\"");
  CHECK(outcome.error.empty());
  CHECK((outcome.rows ==
         std::vector<Row>{
             {0, 1, "0", "Fears for T N pension Unions \"disappointed\" at Turner\\Newall.", "3"},
             {1, 2, "1", " a  ", "4"},
             {2, 3, "2", "b c\nd", "1"},
             {3, 5, "3", " e", "2"}}));
}

TEST_CASE("dataset: an empty ag_news file has no documents") {
  CHECK((ReadAgNews("") == Outcome{}));
  CHECK((ReadAgNews("\n\n") == Outcome{}));
}

TEST_CASE("dataset: an ag_news class that is no integer is an error on its line") {
  const std::string what = "is not an integer; the first column must be the number of the class";
  CHECK(ReadAgNews("1,a,b\n2,\"c\n\",d\nx,e,f\n").error == "f:4: the class 'x' " + what);
  CHECK(ReadAgNews("1,a,b\n1.5,c,d\n").error == "f:2: the class '1.5' " + what);
  CHECK(ReadAgNews("1,a,b\n\" 1\",c,d\n").error == "f:2: the class ' 1' " + what);
  CHECK(ReadAgNews("1,a,b\n\"\",c,d\n").error == "f:2: the class '' " + what);
  CHECK(ReadAgNews("1,a,b\n99999999999999999999,c,d\n").error ==
        "f:2: the class '99999999999999999999' " + what);
  CHECK(ReadAgNews("1,a,b\n-1,c,d\n").error.empty());
}

TEST_CASE("dataset: an ag_news file with a header gets the command for csv") {
  CHECK(ReadAgNews("label,title,body\n1,a,b\n").error ==
        "f:1: the class 'label' is not an integer; the file seems to have a header: use --format "
        "csv --text-field title,body --label-field label");
  CHECK(ReadAgNews("Class Index,Title,It's\n1,a,b\n").error ==
        "f:1: the class 'Class Index' is not an integer; the file seems to have a header: use "
        "--format csv --text-field 'Title,It'\\''s' --label-field 'Class Index'");
}

TEST_CASE("dataset: ag_news has three columns") {
  const std::string hint =
      "; ag_news is class, title, description without a header: quote fields that hold commas, or "
      "use --format csv for a file with a header";
  CHECK(ReadAgNews("1,a,b\n2,c,d, e\n").error == "f:2: 4 columns, 3 expected" + hint);
  CHECK(ReadAgNews("text,label\na,b\n").error == "f:1: 2 columns, 3 expected" + hint);
  CHECK(ReadAgNews("1,a,b\n \n").error == "f:2: 1 column, 3 expected" + hint);
}

TEST_CASE("dataset: rows before an error in ag_news are still delivered") {
  const Outcome outcome = ReadAgNews("1,a,b\n2,c,d\n3,e\n");
  CHECK(outcome.rows.size() == 2);
  CHECK(outcome.error.starts_with("f:3: 2 columns, 3 expected"));
}

TEST_CASE("dataset: csv finds text, id and label by the names in the header") {
  const Outcome outcome = ReadCsv("doc,\"title, long\",body,class\nd1,T,B,x\nd 2,,\"B\n2\",\n",
                                  {"title, long", "body"}, "doc", "class");
  CHECK(outcome.error.empty());
  CHECK((outcome.rows == std::vector<Row>{{0, 2, "d1", "T B", "x"}, {1, 3, "d 2", " B\n2", ""}}));
}

TEST_CASE("dataset: csv without id and label counts and labels nothing") {
  const Outcome outcome = ReadCsv("\xef\xbb\xbftext\r\na\r\nb\r\n", {"text"});
  CHECK(outcome.error.empty());
  CHECK((outcome.rows ==
         std::vector<Row>{{0, 2, "0", "a", std::nullopt}, {1, 3, "1", "b", std::nullopt}}));
}

TEST_CASE("dataset: a field may be text, id and label at once") {
  const Outcome outcome = ReadCsv("t\na\n", {"t"}, "t", "t");
  CHECK((outcome.rows == std::vector<Row>{{0, 2, "a", "a", "a"}}));
}

TEST_CASE("dataset: a missing csv field lists the header and the nearest name") {
  CHECK(ReadCsv("id,title,body\n1,a,b\n", {"titel"}).error ==
        "f:1: the header has no field 'titel'; did you mean 'title'? it has: id, title, body");
  CHECK(ReadCsv("id,body\n", {"body"}, "number").error ==
        "f:1: the header has no field 'number'; it has: id, body");
  CHECK(ReadCsv("id,body\n", {"body"}, "id", "class").error ==
        "f:1: the header has no field 'class'; it has: id, body");
  CHECK(ReadCsv("a\x1b[1m\n", {"b"}).error ==
        "f:1: the header has no field 'b'; it has: a\\x1b[1m");
}

TEST_CASE("dataset: a csv field that the header has twice is an error if it is chosen") {
  CHECK(ReadCsv("a,b,a\n1,2,3\n", {"a"}).error ==
        "f:1: the header has the field 'a' twice; rename one of them");
  CHECK(ReadCsv("a,b,a\n1,2,3\n", {"b"}).rows.size() == 1);
}

TEST_CASE("dataset: csv needs a header") {
  CHECK(ReadCsv("", {"text"}).error ==
        "f:1: the file is empty; its first line must name the fields");
  CHECK((ReadCsv("text\n", {"text"}) == Outcome{}));
}

TEST_CASE("dataset: csv rows have the columns of the header") {
  CHECK(ReadCsv("a,b\n1,2\n\n", {"a"}).error.empty());
  CHECK(ReadCsv("a,b\n1,2\n1,2,3\n", {"a"}).error ==
        "f:3: 3 columns, 2 expected; give every record the columns of the header: quote fields "
        "that hold commas or line breaks");
}

TEST_CASE("dataset: csv ids are 1 to 512 bytes without control characters") {
  const auto error = [](const std::string& id) {
    return ReadCsv("i,t\nx,a\n\"" + id + "\",b\n", {"t"}, "i").error;
  };
  CHECK(error("") == "f:3: the id is empty; give every document an id");
  CHECK(error(std::string(512, 'x')).empty());
  CHECK(error(std::string(513, 'x')) == "f:3: the id is 513 bytes long; use at most 512");
  CHECK(error("a\tb") ==
        "f:3: the id 'a\\x09b' holds a control character; use printable characters only");
  CHECK(error("a\nb").starts_with("f:3: the id 'a\\x0ab' holds a control character"));
  CHECK(error("a\x7f").starts_with("f:3: the id 'a\\x7f' holds a control character"));
  CHECK(error("a\xc2\x85").ends_with("holds a control character; use printable characters only"));
  CHECK(error("\xc2\xa0 \xc3\xa9 ../../etc").empty());
}

}  // namespace
}  // namespace embstore
