// SPDX-License-Identifier: Apache-2.0
// Sources come from anywhere. Whatever is done to their bytes, a reader answers vectors or says why
// not, and the sanitizers have nothing to say.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>

#include "embstore/import.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

using testing::TempDir;
namespace fs = std::filesystem;

constexpr std::uint32_t kDimensions = 8;
const fs::path kFixtures = fs::path(EMBSTORE_SOURCE_DIR) / "tests" / "data" / "import";

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

std::vector<std::string> SampleTexts() {
  FileDatasetOptions options;
  options.path = fs::path(EMBSTORE_SOURCE_DIR) / "tests/data/wordnet/sample.csv";
  const auto dataset = OpenFileDataset(options);
  REQUIRE(dataset.ok());
  const auto reader = (*dataset)->Open();
  REQUIRE(reader.ok());
  std::vector<std::string> texts;
  Document document;
  while (texts.size() < 12 && *(*reader)->Next(&document)) texts.emplace_back(document.text);
  return texts;
}

/// How many of the twelve texts have a vector, or why the source cannot be used.
Result<int> Use(Result<std::unique_ptr<VectorSource>> source,
                const std::vector<std::string>& texts) {
  if (!source.ok()) return source.status();
  if (Status prepared = (*source)->Prepare(kDimensions, nullptr); !prepared.ok()) return prepared;
  if (Status begun = (*source)->BeginPass(); !begun.ok()) return begun;
  int found = 0;
  std::vector<float> vector(kDimensions);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string id = std::to_string(i);
    Document document;
    document.position = i;
    document.id = id;
    document.text = texts[i];
    const auto has = (*source)->Find(document, vector);
    if (!has.ok()) return has.status();
    found += *has ? 1 : 0;
  }
  const auto summary = (*source)->Summarize();
  return summary.ok() ? Result<int>(found) : summary.status();
}

/// Opens the source whose file lies at `path`.
using Opener = std::function<Result<std::unique_ptr<VectorSource>>(const fs::path& path)>;

/// Uses the good file, then the file cut at places, then with bytes changed.
void Torment(const fs::path& fixture, int expected, std::size_t cut_step, int changes,
             const Opener& open) {
  TempDir dir;
  const auto texts = SampleTexts();
  const std::string good = ReadFile(fixture);
  const fs::path path = dir.path() / fixture.filename();
  WriteFile(path, good);
  const auto found = Use(open(path), texts);
  REQUIRE_MESSAGE(found.ok(), found.status().message());
  CHECK(*found == expected);

  // Of files that belong together the message names one.
  const std::string family = fixture.filename().string().substr(0, 6);
  const auto use_changed = [&](const std::string& content) {
    WriteFile(path, content);
    const auto used = Use(open(path), texts);
    if (used.ok()) {
      CHECK(*used <= 12);
    } else {
      CHECK(used.code() == Code::kInvalidArgument);
      CHECK(used.status().message().find(family) != std::string::npos);
    }
  };
  for (std::size_t size = 0; size < good.size(); size += cut_step) {
    use_changed(good.substr(0, size));
  }
  std::mt19937 random(7);
  for (int i = 0; i < changes; ++i) {
    std::string changed = good;
    for (int j = 0; j < 3; ++j) changed[random() % changed.size()] = static_cast<char>(random());
    use_changed(changed);
  }
}

TEST_CASE("hostile sources: a .npy file, cut anywhere or changed anywhere") {
  for (const char* const name : {"float32.npy", "version2.npy", "float16.npy"}) {
    Torment(kFixtures / name, 12, 1, 500,
            [](const fs::path& path) { return OpenNpyVectors(path); });
  }
}

TEST_CASE("hostile sources: a .npy file that is another one at the second reading") {
  TempDir dir;
  const auto texts = SampleTexts();
  const fs::path path = dir.path() / "rows.npy";
  std::vector<float> vector(kDimensions);
  for (const char* const name : {"float64.npy", "float16.npy", "version2.npy"}) {
    CAPTURE(name);
    WriteFile(path, ReadFile(kFixtures / "float32.npy"));
    const auto source = OpenNpyVectors(path);
    REQUIRE(source.ok());
    REQUIRE((*source)->Prepare(kDimensions, nullptr).ok());
    WriteFile(path, ReadFile(kFixtures / name));
    const Status begun = (*source)->BeginPass();
    if (std::string(name) == "version2.npy") {
      CHECK(begun.ok());  // The same numbers behind another header.
    } else {
      CHECK(begun.code() == Code::kInvalidArgument);
      CHECK(begun.message().find("rows.npy: it has changed") != std::string::npos);
    }
  }
}

TEST_CASE("hostile sources: a database of llm, cut anywhere or changed anywhere") {
  for (const char* const collection : {"stored", "hashed"}) {
    Torment(kFixtures / "llm.db", 12, 509, 300, [&](const fs::path& path) {
      return OpenLlmVectors(path, collection, path.parent_path());
    });
  }
}

TEST_CASE("hostile sources: lines of JSON, cut anywhere or changed anywhere") {
  for (const char* const name : {"texts.jsonl", "ids.jsonl"}) {
    Torment(kFixtures / name, 12, 7, 300,
            [](const fs::path& path) { return OpenJsonlVectors(path, path.parent_path()); });
  }
}

TEST_CASE("hostile sources: the result of a batch job of Gemini, cut or changed anywhere") {
  Torment(kFixtures / "gemini_results.jsonl", 11, 7, 300, [](const fs::path& path) {
    return OpenGeminiBatchVectors(path, kFixtures / "gemini_requests.jsonl", path.parent_path());
  });
  Torment(kFixtures / "gemini_requests.jsonl", 11, 7, 300, [](const fs::path& path) {
    return OpenGeminiBatchVectors(kFixtures / "gemini_results.jsonl", path, path.parent_path());
  });
}

TEST_CASE("hostile sources: the result of a batch job of OpenAI, cut or changed anywhere") {
  Torment(kFixtures / "openai_results.jsonl", 11, 7, 300, [](const fs::path& path) {
    return OpenOpenAiBatchVectors(path, kFixtures / "openai_requests.jsonl", path.parent_path());
  });
  Torment(kFixtures / "openai_requests.jsonl", 11, 7, 300, [](const fs::path& path) {
    return OpenOpenAiBatchVectors(kFixtures / "openai_results.jsonl", path, path.parent_path());
  });
}

TEST_CASE("hostile sources: a file of LangChain's cache, cut or changed anywhere") {
  const fs::path folder = kFixtures / "langchain" / "sha256";
  const fs::path fixture = fs::directory_iterator(folder)->path();
  Torment(fixture, 1, 1, 500, [](const fs::path& path) {
    return OpenLangchainVectors(path.parent_path(), std::nullopt);
  });
}

TEST_CASE("hostile sources: a namespace cannot lead out of the folder") {
  TempDir dir;
  const fs::path inside = dir.path() / "inside";
  fs::copy(kFixtures / "langchain" / "sha256", inside);
  fs::copy(kFixtures / "langchain" / "sha256", dir.path() / "outside");
  const auto found = Use(OpenLangchainVectors(inside, "../outside/made-up-"), SampleTexts());
  CHECK(found.code() == Code::kInvalidArgument);
}

TEST_CASE("sources: a name that no file can have is that of no file") {
  TempDir dir;
  // With a key of 36 characters it is a name, with one of 128 it is too long.
  const std::string name_space(150, 'n');
  const std::string prefix = "made-up-";
  for (const auto& file : fs::directory_iterator(kFixtures / "langchain" / "sha1")) {
    const std::string key = file.path().filename().string().substr(prefix.size());
    fs::copy(file.path(), dir.path() / (name_space + key));
  }
  auto texts = SampleTexts();
  texts[5] = "a text without a vector";
  const auto found = Use(OpenLangchainVectors(dir.path(), std::nullopt), texts);
  REQUIRE_MESSAGE(found.ok(), found.status().message());
  CHECK(*found == 11);
}

TEST_CASE("sources: a stop flag ends the first reading") {
  TempDir dir;
  const StopFlag stop{true};
  const auto stopped = [&](Result<std::unique_ptr<VectorSource>> source) {
    REQUIRE(source.ok());
    return (*source)->Prepare(kDimensions, &stop).code() == Code::kCancelled;
  };
  CHECK(stopped(OpenLlmVectors(kFixtures / "llm.db", "stored", dir.path())));
  CHECK(stopped(OpenJsonlVectors(kFixtures / "texts.jsonl", dir.path())));
  CHECK(stopped(OpenGeminiBatchVectors(kFixtures / "gemini_results.jsonl", {}, dir.path())));
  CHECK(stopped(OpenLangchainVectors(kFixtures / "langchain" / "sha1", std::nullopt)));
}

TEST_CASE("sources: an import that is stopped in the first reading stores nothing") {
  TempDir dir;
  auto store = Store::Open(dir.path(), {});
  REQUIRE(store.ok());
  const auto source = OpenJsonlVectors(kFixtures / "texts.jsonl", dir.path());
  FileDatasetOptions file;
  file.path = fs::path(EMBSTORE_SOURCE_DIR) / "tests/data/wordnet/sample.csv";
  const auto dataset = OpenFileDataset(file);
  REQUIRE(dataset.ok());
  const StopFlag stop{true};
  ImportOptions options;
  options.split = "s";
  options.identity = {"made-up", kDimensions, "", 1};
  options.limit = 12;
  options.stop = &stop;
  CHECK(ImportVectors(store->get(), **dataset, source->get(), options).code() == Code::kCancelled);
  CHECK((*store)->Splits()->empty());
}

}  // namespace
}  // namespace embstore
