// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>

#include "embstore/query.h"
#include "embstore/vector.h"
#include "engine/base/text.h"
#include "engine/record/keys.h"
#include "engine/store/store_writer.h"
#include "support/change_family.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

constexpr std::uint32_t kDimensions = 48;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// A store with one split; a document whose vector is empty has none.
struct Corpus {
  testing::TempDir dir;
  std::unique_ptr<Store> store;
  std::vector<std::string> texts;
  std::vector<std::vector<float>> vectors;  // By position.
  EmbeddingIdentity identity{"m", kDimensions, "", 1};

  SpaceId space() const { return MakeSpaceId(identity); }
  SplitInfo split() const { return *store->FindSplit("train"); }

  void Add(const std::string& text, std::vector<float> vector) {
    texts.push_back(text);
    vectors.push_back(std::move(vector));
  }

  void Write() {
    store = *Store::Open(dir.path(), {});
    StoreWriter writer(store.get());
    REQUIRE(writer.AddSpace({identity, "test", 1}).ok());
    SplitRecord split = *writer.BeginDocuments("train");
    split.documents = texts.size();
    std::vector<DocumentRecord> documents;
    Commit commit;
    commit.space = space();
    commit.run_number = 1;
    commit.run.emplace().split = "train";
    std::set<std::string> seen;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      documents.push_back({MakeTextKey(texts[i]), "", {}});
      if (vectors[i].empty() || !seen.insert(texts[i]).second) continue;
      commit.embedded.push_back({documents[i].text, texts[i], 1, vectors[i]});
    }
    REQUIRE(writer.AppendDocuments(split, 0, documents).ok());
    REQUIRE(writer.PublishDocuments("train", split).ok());
    REQUIRE(writer.Write(commit).ok());
  }

  std::unique_ptr<Searcher> OfSplit(const SearcherOptions& options = {}) const {
    auto searcher = Searcher::OfSplit(*store, split(), space(), options);
    REQUIRE_MESSAGE(searcher.ok(), searcher.status().message());
    return std::move(*searcher);
  }

  /// By the definition: every cosine in double, sorted.
  std::vector<Hit> Expected(std::span<const float> query, const QueryOptions& options) const {
    std::vector<Hit> hits;
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      double dot = 0;
      for (std::size_t d = 0; d < vectors[i].size(); ++d) {
        dot += double{vectors[i][d]} * double{query[d]};
      }
      const double score = dot / L2Norm(query) / L2Norm(vectors[i]);
      if (!std::isfinite(score) || options.exclude == i) continue;
      if (options.accept && !options.accept(i)) continue;
      if (options.min_score && score < *options.min_score) continue;
      hits.push_back({i, static_cast<float>(score)});
    }
    std::sort(hits.begin(), hits.end(), IsBetter);
    hits.resize(std::min<std::size_t>(hits.size(), options.k));
    return hits;
  }
};

/// Vectors in loose groups, as texts are; every seventh document has no vector.
void Fill(Corpus* corpus, std::size_t documents, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> centres(20, std::vector<float>(kDimensions));
  for (auto& centre : centres) {
    for (float& value : centre) value = normal(random);
  }
  for (std::size_t i = 0; i < documents; ++i) {
    std::vector<float> vector = centres[random() % centres.size()];
    for (float& value : vector) value = 3 * value + 2 * normal(random);
    if (i % 7 == 3) vector.clear();
    corpus->Add("text " + std::to_string(i), vector);
  }
}

void CheckSame(const std::vector<Hit>& seen, const std::vector<Hit>& expected) {
  REQUIRE(seen.size() == expected.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CAPTURE(i);
    CHECK(seen[i].position == expected[i].position);
    CHECK(seen[i].score == doctest::Approx(expected[i].score).epsilon(1e-6));
  }
}

std::vector<SearcherOptions> EveryWay() { return {{false, 1}, {false, 3}, {true, 1}, {true, 3}}; }

TEST_CASE("search: exact answers are those of the definition, in memory and from the store") {
  Corpus corpus;
  Fill(&corpus, 700, 1);
  corpus.Write();
  for (const SearcherOptions& way : EveryWay()) {
    const auto searcher = corpus.OfSplit(way);
    CHECK(searcher->size() == 700);
    CHECK(searcher->dimensions() == kDimensions);
    for (const std::uint64_t position : {0U, 1U, 699U}) {
      CHECK(searcher->text(position) == MakeTextKey(corpus.texts[position]));
    }
    for (const std::uint32_t k : {1U, 10U, 700U}) {
      QueryOptions options;
      options.exact = true;
      options.k = k;
      const auto hits = searcher->Search(corpus.vectors[5], options);
      REQUIRE(hits.ok());
      CheckSame(*hits, corpus.Expected(corpus.vectors[5], options));
    }
  }
}

TEST_CASE("search: exclude, min_score and the caller's predicate hold in every way of searching") {
  Corpus corpus;
  Fill(&corpus, 3000, 2);
  corpus.Write();
  for (const SearcherOptions& way : EveryWay()) {
    const auto searcher = corpus.OfSplit(way);
    for (const bool exact : {false, true}) {
      QueryOptions options;
      options.exact = exact;
      options.rescored = 370;
      SUBCASE("exclude") { options.exclude = 5; }
      SUBCASE("min_score") { options.min_score = 0.9F; }
      SUBCASE("accept") {
        options.accept = [](std::uint64_t position) { return position % 3 == 0; };
      }
      SUBCASE("nothing is good enough") { options.min_score = 1.5F; }
      SUBCASE("none wanted") { options.k = 0; }
      const auto hits = searcher->Search(corpus.vectors[5], options);
      REQUIRE(hits.ok());
      CheckSame(*hits, corpus.Expected(corpus.vectors[5], options));
    }
  }
}

TEST_CASE("search: equal scores come in the order of positions, also across blocks and threads") {
  Corpus corpus;
  std::vector<float> same(kDimensions, 0.5F);
  std::vector<float> other(kDimensions, 0.5F);
  other[0] = -3;
  for (int i = 0; i < 900; ++i) {
    // The same direction with other lengths, and now and then the same text.
    std::vector<float> vector = i % 5 == 0 ? other : same;
    for (float& value : vector) value *= static_cast<float>(1 << i % 4);
    corpus.Add(i % 10 == 4 ? "twice" : "text " + std::to_string(i), vector);
  }
  corpus.Write();
  for (const SearcherOptions& way : EveryWay()) {
    for (const bool exact : {false, true}) {
      QueryOptions options;
      options.exact = exact;
      options.k = 700;
      options.rescored = 900;
      const auto hits = corpus.OfSplit(way)->Search(same, options);
      REQUIRE(hits.ok());
      REQUIRE(hits->size() == 700);
      std::uint64_t expected = 0;
      for (const Hit& hit : *hits) {
        if (expected % 5 == 0) ++expected;
        CHECK(hit.position == expected++);
        CHECK(hit.score == hits->front().score);
      }
    }
  }
}

TEST_CASE("search: by sketches the very same scores come out, and hardly a neighbour is missed") {
  Corpus corpus;
  Fill(&corpus, 3000, 3);
  corpus.Write();
  for (const SearcherOptions& way : EveryWay()) {
    const auto searcher = corpus.OfSplit(way);
    std::size_t found = 0, wanted = 0;
    for (std::size_t q = 0; q < 50; ++q) {
      if (corpus.vectors[q].empty()) continue;
      QueryOptions options;
      options.exact = true;
      const auto exact = searcher->Search(corpus.vectors[q], options);
      options.exact = false;
      const auto fast = searcher->Search(corpus.vectors[q], options);
      REQUIRE(fast.ok());
      CHECK(fast->size() == 10);
      wanted += exact->size();
      for (const Hit& hit : *exact) {
        const auto same = std::find_if(fast->begin(), fast->end(), [&](const Hit& other) {
          return other.position == hit.position && other.score == hit.score;
        });
        found += same != fast->end() ? 1 : 0;
      }
    }
    CHECK(static_cast<double>(found) >= 0.995 * static_cast<double>(wanted));
  }
}

TEST_CASE("search: a batch answers what its queries answer one by one") {
  Corpus corpus;
  Fill(&corpus, 3000, 4);
  corpus.Write();
  // So many that exact search in memory divides the rows among its threads.
  std::vector<float> queries;
  for (std::size_t q = 0; q < 200; ++q) {
    queries.insert(queries.end(), corpus.vectors[q].begin(), corpus.vectors[q].end());
  }
  const std::size_t count = queries.size() / kDimensions;
  for (const SearcherOptions& way : EveryWay()) {
    const auto searcher = corpus.OfSplit(way);
    for (const bool exact : {false, true}) {
      QueryOptions options;
      options.exact = exact;
      const auto batch = searcher->SearchBatch(queries, options);
      REQUIRE(batch.ok());
      REQUIRE(batch->size() == count);
      for (std::size_t q = 0; q < count; q += 10) {
        const auto one = searcher->Search(
            std::span<const float>(queries).subspan(q * kDimensions, kDimensions), options);
        REQUIRE(one.ok());
        CheckSame((*batch)[q], *one);
      }
      CHECK(searcher->SearchBatch({}, options)->empty());
    }
  }
}

TEST_CASE("search: vectors that are zero or not finite are no answers") {
  Corpus corpus;
  Fill(&corpus, 40, 5);
  corpus.vectors[0].assign(kDimensions, 0.0F);
  corpus.vectors[1].assign(kDimensions, kNan);
  corpus.vectors[2].assign(kDimensions, std::numeric_limits<float>::infinity());
  corpus.Write();
  for (const SearcherOptions& way : EveryWay()) {
    for (const bool exact : {false, true}) {
      QueryOptions options;
      options.exact = exact;
      options.k = 100;
      const auto hits = corpus.OfSplit(way)->Search(corpus.vectors[5], options);
      REQUIRE(hits.ok());
      CheckSame(*hits, corpus.Expected(corpus.vectors[5], options));
      CHECK(hits->size() == 31);  // 40 less those three and six without a vector.
    }
  }
}

TEST_CASE("search: very long and very short vectors are answers like any other") {
  Corpus corpus;
  const std::vector<float> direction = {0.5F, -1, 2, 0.25F};
  for (const float scale : {1e-25F, 1.0F, 1e-21F, 1e20F, 1e-30F, 1e25F}) {
    std::vector<float> vector(kDimensions);
    for (std::size_t i = 0; i < direction.size(); ++i) vector[i] = scale * direction[i];
    corpus.Add(std::to_string(scale) + std::to_string(corpus.texts.size()), vector);
  }
  corpus.Write();
  for (const SearcherOptions& way : EveryWay()) {
    for (const bool exact : {false, true}) {
      QueryOptions options;
      options.exact = exact;
      const auto hits = corpus.OfSplit(way)->Search(corpus.vectors[1], options);
      REQUIRE(hits.ok());
      CHECK(hits->size() == 6);
      for (const Hit& hit : *hits) CHECK(hit.score == doctest::Approx(1));
    }
  }
}

TEST_CASE("search: what asks for a good part of all vectors misses none") {
  Corpus corpus;
  Fill(&corpus, 2000, 9);
  corpus.Write();
  const auto searcher = corpus.OfSplit();
  CHECK(searcher->answers() == 1714);
  QueryOptions options;
  options.k = 500;
  const auto hits = searcher->Search(corpus.vectors[5], options);
  REQUIRE(hits.ok());
  CheckSame(*hits, corpus.Expected(corpus.vectors[5], options));
}

TEST_CASE("search: a query of another size, zero or not finite is refused") {
  Corpus corpus;
  Fill(&corpus, 10, 6);
  corpus.Write();
  const auto searcher = corpus.OfSplit();
  CHECK(searcher->Search(std::vector<float>(kDimensions - 1, 1.0F), {}).code() ==
        Code::kInvalidArgument);
  CHECK(searcher->Search(std::vector<float>(2 * kDimensions, 1.0F), {}).code() ==
        Code::kInvalidArgument);
  CHECK(searcher->SearchBatch(std::vector<float>(kDimensions + 1, 1.0F), {}).code() ==
        Code::kInvalidArgument);
  CHECK(searcher->Search(std::vector<float>(kDimensions), {}).code() == Code::kInvalidArgument);
  QueryOptions no_number;
  no_number.min_score = kNan;
  CHECK(searcher->Search(corpus.vectors[0], no_number).code() == Code::kInvalidArgument);
  CHECK(searcher->Search(std::vector<float>(kDimensions, kNan), {}).code() ==
        Code::kInvalidArgument);
  const auto absent =
      Searcher::OfSplit(*corpus.store, corpus.split(), MakeSpaceId({"other", 8, "", 1}), {});
  CHECK(absent.code() == Code::kNotFound);
}

TEST_CASE("search: a whole space is searched whatever splits refer to it") {
  Corpus corpus;
  Fill(&corpus, 200, 7);
  corpus.Write();
  {
    StoreWriter writer(corpus.store.get());
    REQUIRE(writer.PublishDocuments("train", *writer.BeginDocuments("train")).ok());
  }
  const auto searcher = Searcher::OfSpace(*corpus.store, corpus.space(), {});
  REQUIRE(searcher.ok());
  CHECK((*searcher)->size() == 171);
  std::map<std::string, std::size_t> positions;
  for (std::size_t i = 0; i < 200; ++i) positions[ToHex(MakeTextKey(corpus.texts[i]).hash)] = i;
  QueryOptions options;
  options.exact = true;
  const auto hits = (*searcher)->Search(corpus.vectors[5], options);
  REQUIRE(hits.ok());
  const auto expected = corpus.Expected(corpus.vectors[5], options);
  REQUIRE(hits->size() == expected.size());
  for (std::size_t i = 0; i < hits->size(); ++i) {
    CHECK(positions.at(ToHex((*searcher)->text((*hits)[i].position).hash)) == expected[i].position);
  }
}

TEST_CASE(
    "search: damage is named by its record, the first of several, whichever thread reads it") {
  Corpus corpus;
  Fill(&corpus, 100, 10);
  corpus.Write();
  const SplitRecord split = corpus.split().record;
  std::vector<std::string> keys;  // In the order in which one thread reads them.
  Family family = Family::kDocuments;
  SUBCASE("documents") {
    for (std::uint64_t i = 0; i < 100; ++i) {
      keys.push_back(DocumentKey(split.id, split.generation, i));
    }
  }
  SUBCASE("sketches") {
    family = Family::kSketches;
    for (std::size_t i = 0; i < 100; ++i) {
      if (corpus.vectors[i].empty()) continue;
      keys.push_back(VectorKey(corpus.space(), MakeTextKey(corpus.texts[i]).hash));
    }
    std::sort(keys.begin(), keys.end());
  }
  for (const std::size_t damaged : {keys.size() - 1, keys.size() / 2, std::size_t{0}}) {
    REQUIRE(corpus.store->Close().ok());
    testing::DamageRecord(corpus.dir.path(), family, keys[damaged]);
    corpus.store = *Store::Open(corpus.dir.path(), {});
    std::set<std::string> messages;
    for (const SearcherOptions& way : EveryWay()) {
      const auto searcher = Searcher::OfSplit(*corpus.store, corpus.split(), corpus.space(), way);
      CHECK(searcher.code() == Code::kCorruption);
      messages.insert(searcher.status().message());
    }
    const std::string name(kFamilyNames[static_cast<std::size_t>(family)]);
    const auto* const key = reinterpret_cast<const std::uint8_t*>(keys[damaged].data());
    CHECK(messages == std::set<std::string>{"store, family '" + name + "', key " +
                                            HexString({key, keys[damaged].size()}) + ": " +
                                            (family == Family::kSketches ? "sketch " : "") +
                                            "record does not match its checksum"});
  }
}

TEST_CASE("search: a document list with a gap is damage, whichever thread comes to it") {
  Corpus corpus;
  Fill(&corpus, 100, 11);
  corpus.Write();
  const SplitRecord split = corpus.split().record;
  REQUIRE(corpus.store->Close().ok());
  testing::ChangeFamily(corpus.dir.path(), Family::kDocuments,
                        [&](rocksdb::DB* db, rocksdb::ColumnFamilyHandle* documents) {
                          const auto key = DocumentKey(split.id, split.generation, 99);
                          REQUIRE(db->Delete({}, documents, key).ok());
                        });
  corpus.store = *Store::Open(corpus.dir.path(), {});
  for (const SearcherOptions& way : EveryWay()) {
    const auto searcher = Searcher::OfSplit(*corpus.store, corpus.split(), corpus.space(), way);
    CHECK(searcher.code() == Code::kCorruption);
    CHECK(searcher.status().message() ==
          "the document list of split 'train' has a gap at position 99");
  }
}

TEST_CASE("search: texts that share a hash are told apart") {
  Corpus corpus;
  Fill(&corpus, 50, 8);
  std::string a(256, 'e');
  a.replace(32, 4, " @@@").replace(96, 4, "icvs");
  std::string b = a;
  a[36] = 'b', a[100] = 'c', b[36] = 'c', b[100] = 'b';
  REQUIRE(MakeTextKey(a).hash == MakeTextKey(b).hash);
  corpus.Add(a, std::vector<float>(kDimensions, 1.0F));
  corpus.Add(b, std::vector<float>(kDimensions, -1.0F));
  corpus.Write();
  for (const SearcherOptions& way : EveryWay()) {
    const auto searcher = corpus.OfSplit(way);
    for (const bool exact : {false, true}) {
      QueryOptions options;
      options.exact = exact;
      options.k = 1;
      options.rescored = 1;
      CHECK(searcher->Search(corpus.vectors[50], options)->front().position == 50);
      CHECK(searcher->Search(corpus.vectors[51], options)->front().position == 51);
    }
  }
}

}  // namespace
}  // namespace embstore
