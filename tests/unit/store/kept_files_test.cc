// SPDX-License-Identifier: Apache-2.0
#include "engine/store/kept_files.h"

#include <doctest/doctest.h>

#include <fstream>

#include "engine/hash/hash.h"
#include "engine/store/reply_reserve.h"
#include "engine/store/store_writer.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;

TEST_CASE("kept: a file comes back as it was, or not at all") {
  TempDir dir;
  const std::vector<float> vectors = {0.1F, -1e-30F, 3.4e38F, 1.0F / 3, -1.17549435e-38F, 0};
  const std::vector<std::string> texts = {"one\n\"line\"", "zwei \xC3\xBC"};
  Commit commit;
  commit.space = {0xfedcba9876543210};
  commit.run_number = 3;
  commit.run = RunRecord();
  commit.run->split = "s";
  for (std::size_t i = 0; i < 2; ++i) {
    commit.embedded.push_back({MakeTextKey(texts[i]), texts[i], static_cast<std::uint32_t>(5 + i),
                               std::span(vectors).subspan(3 * i, 3)});
  }
  commit.shares = {{7, 1, 5, 6, true, true}, {8, 1, 6, 6, false, true}};
  const std::string content = EncodeKept(commit, {150'000});
  CHECK(content.size() <= MostKeptBytes(2, 30, 3));
  const fs::path path = dir.path() / "kept-7.jsonl";
  const auto read_as = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return ReadKept(path);
  };
  const auto kept = read_as(content);
  REQUIRE(kept.ok());
  CHECK(kept->space == commit.space);
  CHECK(kept->dimensions == 3);
  CHECK(kept->run == 3);
  CHECK(kept->split == "s");
  CHECK(kept->price == Price{150'000});
  REQUIRE(kept->shares.size() == 2);
  CHECK(kept->shares[0].request == 7);
  CHECK(kept->shares[0].tokens == 5);
  CHECK(kept->shares[0].estimated_tokens == 6);
  CHECK(kept->shares[0].reported);
  CHECK(!kept->shares[1].reported);
  CHECK(kept->rows[0].text == texts[0]);
  CHECK(kept->rows[1].tokens == 6);
  CHECK(kept->vectors == vectors);
  for (std::size_t i = 0; i < content.size(); ++i) {
    CAPTURE(i);
    std::string damaged = content;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    CHECK(read_as(damaged).code() == Code::kCorruption);
    CHECK(read_as(content.substr(0, i)).code() == Code::kCorruption);
  }
  CHECK(ReadKept(dir.path() / "kept-8.jsonl").code() == Code::kNotFound);
}

/// The whole file.
std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("reserve: its files are as large as was asked for, hold what is kept, and go") {
  TempDir dir;
  const std::string small = "small\n";
  const std::string large(20'000, 'x');
  {
    const auto reserve = ReplyReserve::Take(dir.path(), 2, 10'000);
    REQUIRE(reserve.ok());
    CHECK((*reserve)->bytes() == 20'000);
    CHECK(fs::file_size(ReservePath(dir.path(), 0)) == 10'000);
    CHECK(fs::file_size(ReservePath(dir.path(), 1)) == 10'000);
    CHECK((*reserve)->Keep(KeptPath(dir.path(), 1), small).ok());
    CHECK((*reserve)->Keep(KeptPath(dir.path(), 2), large).ok());
    CHECK((*reserve)->Keep(KeptPath(dir.path(), 3), small).ok());  // In a new file.
    CHECK(ListJobsDirectory(dir.path())->size() == 3);
  }
  CHECK(ReadFile(KeptPath(dir.path(), 1)) == small);
  CHECK(ReadFile(KeptPath(dir.path(), 2)) == large);
  CHECK(ReadFile(KeptPath(dir.path(), 3)) == small);
  fs::remove_all(JobsDirectory(dir.path()));
  { CHECK(ReplyReserve::Take(dir.path(), 1, 1).ok()); }
  CHECK(!fs::exists(JobsDirectory(dir.path())));
}

TEST_CASE("reserve: what a run that died has left is given back") {
  TempDir dir;
  fs::create_directory(JobsDirectory(dir.path()));
  std::ofstream(ReservePath(dir.path(), 0)) << "x";
  std::ofstream(KeptPath(dir.path(), 1).string() + ".tmp-1-0") << "x";
  std::ofstream(KeptPath(dir.path(), 1)) << "x";
  ReplyReserve::GiveBackLeftovers(dir.path());
  CHECK(*ListJobsDirectory(dir.path()) == std::vector{KeptPath(dir.path(), 1)});
}

TEST_CASE("reserve: where jobs cannot be made nothing is taken") {
  TempDir dir;
  std::ofstream(JobsDirectory(dir.path())) << "a file";
  CHECK(ReplyReserve::Take(dir.path(), 1, 10).code() == Code::kWriteFailed);
  CHECK(ListJobsDirectory(dir.path()).code() == Code::kWriteFailed);
}

}  // namespace
}  // namespace embstore
