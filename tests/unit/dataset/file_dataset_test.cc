// SPDX-License-Identifier: Apache-2.0
// Datasets of files: options, names, stamps, reading again, and the real data.
#include <sys/stat.h>

#include <map>

#include "source_testing.h"

namespace embstore {
namespace {

Outcome ReadFile(FileDatasetOptions options) {
  const auto dataset = OpenFileDataset(std::move(options));
  REQUIRE(dataset.ok());
  auto reader = dataset.value()->Open();
  REQUIRE(reader.ok());
  return Drain(reader.value().get());
}

FileDatasetOptions AgNews(const std::filesystem::path& path) {
  FileDatasetOptions options;
  options.path = path;
  return options;
}

std::map<std::string, std::size_t> CountLabels(const Outcome& outcome) {
  std::map<std::string, std::size_t> counts;
  for (const Row& row : outcome.rows) ++counts[row.label.value_or("none")];
  return counts;
}

TEST_CASE("dataset: format names go back and forth") {
  for (const auto format : {DatasetFormat::kAgNews, DatasetFormat::kCsv, DatasetFormat::kJsonl}) {
    CHECK(ParseDatasetFormat(DatasetFormatName(format)) == format);
  }
  CHECK(DatasetFormatName(DatasetFormat::kAgNews) == "ag_news");
  CHECK_FALSE(ParseDatasetFormat("CSV").has_value());
  CHECK_FALSE(ParseDatasetFormat("").has_value());
}

TEST_CASE("dataset: options that contradict each other are refused") {
  const TestDirectory directory;
  const auto path = directory.Write("f.csv", "text\na\n");
  const auto check = [](const FileDatasetOptions& options, std::string_view message) {
    const auto dataset = OpenFileDataset(options);
    CHECK(dataset.code() == Code::kInvalidArgument);
    CHECK(dataset.status().message() == message);
  };
  FileDatasetOptions options = AgNews(path);
  const std::string fixed =
      "ag_news has fixed fields; name no text, id or label field, or use the format csv";
  options.id_field = "id";
  check(options, fixed);
  options = AgNews(path);
  options.label_field = "label";
  check(options, fixed);
  options = AgNews(path);
  options.text_fields = {"title"};
  check(options, fixed);
  options.format = DatasetFormat::kCsv;
  options.text_fields = {};
  check(options, "name at least one text field");
  options.text_fields = {"a", ""};
  check(options, "a text field has no name; give it one");
  options.text_fields = {"a", "b", "a"};
  check(options, "the text field 'a' is named twice; name it once");
  options.text_fields = {"text"};
  options.max_record_bytes = 0;
  check(options, "the longest record must be 1 to 1073741824 bytes, not 0");
}

TEST_CASE("dataset: a file that is missing or not regular is refused when it is opened") {
  const TestDirectory directory;
  const auto missing = directory.path() / "none.csv";
  CHECK(OpenFileDataset(AgNews(missing)).code() == Code::kNotFound);
  CHECK(OpenFileDataset(AgNews(missing)).status().message() ==
        "cannot open '" + missing.string() + "': No such file or directory");
  CHECK(OpenFileDataset(AgNews(directory.path())).code() == Code::kInvalidArgument);
}

TEST_CASE("dataset: a file can be read again, also while another reader is at work") {
  const TestDirectory directory;
  const auto dataset = OpenFileDataset(AgNews(directory.Write("f.csv", "1,a,b\n2,c,d\n")));
  REQUIRE(dataset.ok());
  auto slow = dataset.value()->Open();
  Document document;
  REQUIRE(slow.value()->Next(&document).value());
  CHECK(Drain(dataset.value()->Open().value().get()).rows.size() == 2);
  CHECK(document.text == "a b");
  CHECK(Drain(slow.value().get()).rows.size() == 1);
}

TEST_CASE("dataset: messages name the file as it was given") {
  const TestDirectory directory;
  const auto path = directory.Write("f.csv", "1,a,b\n2,c\n");
  CHECK(ReadFile(AgNews(path)).error.starts_with(path.string() + ":2: 2 columns, 3 expected"));
}

TEST_CASE("dataset: every truncation of a packed file is an error with a line") {
  const TestDirectory directory;
  std::string text;
  for (int i = 0; i < 40; ++i) text += "1,title " + std::to_string(i * 37 % 41) + ",description\n";
  for (const std::string& packed : {Gzip(text), Zstd(text)}) {
    const auto whole = directory.Write("whole", packed);
    const Outcome complete = ReadFile(AgNews(whole));
    CHECK(complete.rows.size() == 40);
    for (std::size_t size = 1; size < packed.size(); ++size) {
      CAPTURE(size);
      const auto path = directory.Write("cut", packed.substr(0, size));
      const Outcome outcome = ReadFile(AgNews(path));
      REQUIRE(outcome.rows.size() <= complete.rows.size());
      CHECK(std::equal(outcome.rows.begin(), outcome.rows.end(), complete.rows.begin()));
      const std::string place =
          path.string() + ":" + std::to_string(outcome.rows.size() + 1) + ": ";
      CHECK(outcome.error.starts_with(place));
    }
  }
}

TEST_CASE("dataset: the layout tells formats and fields apart") {
  const TestDirectory directory;
  FileDatasetOptions options = AgNews(directory.Write("f.csv", ""));
  const auto layout = [&] { return OpenFileDataset(options).value()->Layout(); };
  CHECK(layout() == "ag_news");
  CHECK_FALSE(OpenFileDataset(options).value()->HasIds());
  options.format = DatasetFormat::kCsv;
  CHECK(layout() == "csv text=\"text\"");
  options.text_fields = {"title", "body"};
  options.id_field = "doc";
  options.label_field = "class";
  CHECK(layout() == "csv text=\"title\",\"body\" id=\"doc\" label=\"class\"");
  CHECK(OpenFileDataset(options).value()->HasIds());
  options.format = DatasetFormat::kJsonl;
  options.text_fields = {"title\",\"body\\"};
  CHECK(layout() == "jsonl text=\"title\\\",\\\"body\\\\\" id=\"doc\" label=\"class\"");
}

TEST_CASE("dataset: the stamp is the file's and changes with it") {
  const TestDirectory directory;
  const auto path = directory.Write("f.csv", "1,a,b\n");
  const auto dataset = OpenFileDataset(AgNews(path));
  REQUIRE(dataset.ok());
  CHECK(dataset.value()->Name() == path.string());
  const auto stamp = dataset.value()->Stamp();
  REQUIRE(stamp.has_value());
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK(stamp->size_bytes == 6);
  CHECK(stamp->inode == info.st_ino);
  CHECK(stamp->modified_nanos ==
        std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec);
  CHECK((dataset.value()->Stamp() == stamp));
  directory.Write("f.csv", "1,a,b\n2,c,d\n");
  CHECK((dataset.value()->Stamp() != stamp));
  std::filesystem::remove(path);
  CHECK_FALSE(dataset.value()->Stamp().has_value());
}

TEST_CASE("dataset: the real AG News files are read whole") {
  const std::filesystem::path folder =
      std::filesystem::path(EMBSTORE_SOURCE_DIR) / "../shared/data/ag_news";
  if (!std::filesystem::exists(folder)) {
    MESSAGE("no AG News files here; only the WordNet sample is read");
    return;
  }
  const Outcome test = ReadFile(AgNews(folder / "test.csv"));
  CHECK(test.error.empty());
  CHECK(test.rows.size() == 7600);
  CHECK((CountLabels(test) ==
         std::map<std::string, std::size_t>{{"1", 1900}, {"2", 1900}, {"3", 1900}, {"4", 1900}}));
  CHECK(test.rows.back().line == 7600);
  const Outcome train = ReadFile(AgNews(folder / "train_partial.csv.gz"));
  CHECK(train.error.empty());
  CHECK(train.rows.size() == 43247);
  CHECK((CountLabels(train) == std::map<std::string, std::size_t>{
                                   {"1", 10759}, {"2", 10854}, {"3", 10886}, {"4", 10748}}));
}

TEST_CASE("dataset: the WordNet sample is read whole") {
  const Outcome sample = ReadFile(
      AgNews(std::filesystem::path(EMBSTORE_SOURCE_DIR) / "tests/data/wordnet/sample.csv"));
  CHECK(sample.error.empty());
  CHECK(sample.rows.size() == 1200);
  CHECK((CountLabels(sample) ==
         std::map<std::string, std::size_t>{{"1", 300}, {"2", 300}, {"3", 300}, {"4", 300}}));
  CHECK(sample.rows[0].text ==
        "entity that which is perceived or known or inferred to have its own distinct existence "
        "(living or nonliving)");
  for (const Row& row : sample.rows) CHECK(row.text.size() > 3);
}

}  // namespace
}  // namespace embstore
