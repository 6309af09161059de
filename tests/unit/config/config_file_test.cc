// SPDX-License-Identifier: Apache-2.0
// Loading from disk, and the config.yaml that is shipped.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "embstore/config.h"
#include "engine/config/settings.h"

namespace embstore {
namespace {

const std::filesystem::path kShipped = std::filesystem::path(EMBSTORE_SOURCE_DIR) / "config.yaml";

/// A target's value as text, so that two configurations can be compared by the table.
struct Show {
  template <typename T>
  std::string operator()(T* value) const {
    return std::to_string(*value);
  }
  std::string operator()(std::optional<std::uint64_t>* value) const {
    return value->has_value() ? std::to_string(**value) : "auto";
  }
  std::string operator()(Money* value) const { return std::to_string(value->nano_usd); }
  std::string operator()(std::optional<Money>* value) const {
    return value->has_value() ? std::to_string((*value)->nano_usd) : "none";
  }
  std::string operator()(ResendOrHold value) const { return *value.resend ? "resend" : "hold"; }
  std::string operator()(std::string* value) const { return *value; }
  std::string operator()(std::filesystem::path* value) const { return value->string(); }
  std::string operator()(IsoDate value) const { return *value.text; }
  std::string operator()(FileName value) const { return *value.text; }
  std::string operator()(ProviderName value) const { return *value.text; }
  std::string operator()(DatasetFormat* value) const {
    return std::string(DatasetFormatName(*value));
  }
  std::string operator()(std::vector<std::string>* value) const {
    std::string out;
    for (const std::string& item : *value) out += item + ";";
    return out;
  }
  std::string operator()(std::map<std::string, SplitConfig>* /*value*/) const { return "splits"; }
  std::string operator()(std::map<std::string, ModelPrice>* value) const {
    std::string out;
    for (const auto& [name, price] : *value) {
      out += name + ":" + std::to_string(price.sync.micro_usd_per_million_tokens) + "," +
             std::to_string(price.batch.micro_usd_per_million_tokens) + ";";
    }
    return out;
  }
};

TEST_CASE("config: the shipped file holds the built-in defaults") {
  Result<Config> shipped = LoadConfig(kShipped);
  INFO(shipped.status().message());
  REQUIRE(shipped.ok());
  Config defaults;
  for (const Setting& setting : AllSettings()) {
    CAPTURE(setting.path);
    CHECK(std::visit(Show(), setting.target(&*shipped)) ==
          std::visit(Show(), setting.target(&defaults)));
  }
}

TEST_CASE("config: the shipped file names the AG News splits and the known prices") {
  const Result<Config> shipped = LoadConfig(kShipped);
  REQUIRE(shipped.ok());
  const auto& splits = shipped->dataset.splits;
  REQUIRE(splits.size() == 2);
  CHECK(splits.at("train").path == "data/ag_news/train.csv");
  CHECK(splits.at("train").expected_documents == 120'000);
  CHECK(splits.at("test").path == "data/ag_news/test.csv");
  CHECK(splits.at("test").expected_documents == 7'600);
  const auto& models = shipped->pricing.models;
  REQUIRE(models.size() == 5);
  CHECK(models.at("gemini-embedding-001").sync == Price{150'000});
  CHECK(models.at("gemini-embedding-001").batch == Price{75'000});
  CHECK(models.at("gemini-embedding-2").sync == Price{200'000});
  CHECK(models.at("gemini-embedding-2").batch == Price{100'000});
  CHECK(models.at("text-embedding-3-small").sync == Price{20'000});
  CHECK(models.at("text-embedding-3-small").batch == Price{10'000});
  CHECK(models.at("text-embedding-3-large").sync == Price{130'000});
  CHECK(models.at("text-embedding-ada-002").batch == Price{50'000});
}

TEST_CASE("config: the shipped file mentions every setting with a comment") {
  std::ifstream file(kShipped);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  for (const Setting& setting : AllSettings()) {
    CAPTURE(setting.path);
    const std::size_t dot = setting.path.find('.');
    const bool top = dot == std::string_view::npos;
    const std::size_t section =
        top ? 0 : text.find("\n" + std::string(setting.path.substr(0, dot)) + ":");
    REQUIRE(section != std::string::npos);
    const std::string key =
        top ? std::string(setting.path) : "  " + std::string(setting.path.substr(dot + 1));
    const std::size_t at = text.find("\n" + key + ":", section);
    REQUIRE(at != std::string::npos);
    CHECK(text.substr(at + 1, text.find('\n', at + 1) - at).find(" # ") != std::string::npos);
    CHECK_FALSE(setting.help.empty());
  }
}

TEST_CASE("config: a missing file is not found, a directory is not a file") {
  CHECK(LoadConfig("no/such/config.yaml").code() == Code::kNotFound);
  CHECK(LoadConfig(EMBSTORE_SOURCE_DIR).code() == Code::kInvalidArgument);
}

TEST_CASE("config: messages carry the path as it was given") {
  const auto path = std::filesystem::temp_directory_path() / "embstore_config_test.yaml";
  std::ofstream(path) << "seed: 1\nsed: 2\n";
  CHECK(LoadConfig(path).status().message() ==
        path.string() + ":2: unknown key 'sed'; did you mean 'seed'?");
  std::ofstream(path) << std::string((1u << 20) + 1, '#');
  CHECK(LoadConfig(path).code() == Code::kInvalidArgument);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace embstore
