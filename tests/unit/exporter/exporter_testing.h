// SPDX-License-Identifier: Apache-2.0
// A store to export from.
#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "embstore/export.h"
#include "engine/base/file.h"
#include "engine/store/store_writer.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace embstore::testing {

inline constexpr std::uint64_t kMaxBytes = 1u << 26;

enum class Arrival { kAtOnce, kBackwardsOneByOne };

/// A store with split "s" of `texts`, of which those that begin with '-' have no vector. The labels
/// are those given, over and over.
struct Bench {
  explicit Bench(const std::vector<std::string>& texts,
                 const std::vector<std::optional<std::string>>& labels = {"7"},
                 Arrival arrival = Arrival::kAtOnce) {
    auto opened = Store::Open(dir.path(), {});
    REQUIRE(opened.ok());
    store = std::move(*opened);
    StoreWriter writer(store.get());
    const EmbeddingIdentity identity{"m", 3, "TASK", 1};
    REQUIRE(writer.AddSpace({identity, "test", 1}).ok());
    auto split = writer.BeginDocuments("s");
    std::vector<DocumentRecord> documents;
    std::vector<EmbeddedText> embedded;
    vectors.reserve(texts.size());
    for (const std::string& text : texts) {
      const std::size_t i = vectors.size();
      documents.push_back({MakeTextKey(text), "", labels[i % labels.size()]});
      vectors.push_back({static_cast<float>(i) + 1, 2, 3});
      if (!text.starts_with("-")) embedded.push_back({MakeTextKey(text), text, 1, vectors.back()});
    }
    REQUIRE(writer.AppendDocuments(*split, 0, documents).ok());
    split->documents = texts.size();
    REQUIRE(writer.PublishDocuments("s", *split).ok());
    options.split = "s";
    options.space = MakeSpaceId(identity);
    options.clock = &clock;
    if (arrival == Arrival::kAtOnce) {
      Embed(&writer, *split, embedded);
    } else {
      for (auto one = embedded.rbegin(); one != embedded.rend(); ++one) {
        Embed(&writer, *split, {*one});
      }
    }
  }

  std::string Read(const std::string& name) const {
    auto content = ReadWholeFile(dir.path() / name, kMaxBytes);
    REQUIRE_MESSAGE(content.ok(), content.status().message());
    return *content;
  }

  /// The floats behind the 128 bytes of header that a small 2-D array has.
  std::vector<float> Rows() const {
    const std::string npy = Read("s_embeddings.npy");
    const std::size_t header = npy.find('\n') + 1;
    CHECK(header % 64 == 0);
    std::vector<float> rows((npy.size() - header) / sizeof(float));
    std::memcpy(rows.data(), npy.data() + header, rows.size() * sizeof(float));
    return rows;
  }

  void Embed(StoreWriter* writer, const SplitRecord& split,
             const std::vector<EmbeddedText>& embedded) const {
    Commit commit;
    commit.space = options.space;
    commit.run.emplace().split = "s";
    commit.coverage.emplace().generation = split.generation;
    commit.coverage->embedded = embedded.size();
    commit.embedded = embedded;
    REQUIRE(writer->Write(commit).ok());
  }

  TempDir dir;
  FakeClock clock;
  std::unique_ptr<Store> store;
  std::vector<std::vector<float>> vectors;
  ExportOptions options;
};

}  // namespace embstore::testing
