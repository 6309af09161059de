// SPDX-License-Identifier: Apache-2.0
// How well and how fast search finds neighbours: recall@10 of searches by sketch against given
// truth, and the time of one query against exact comparison and against reading the vectors' memory
// once, all in one process.
//
//   search_bench VECTORS.f16 DIMENSIONS [TRUTH.fvecs]   real vectors; truth: cosines of the 10
//   nearest search_bench STORE_DIR SPLIT                        a store, with its first space;
//   exact is the truth
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "embstore/query.h"
#include "engine/query/kernels.h"
#include "engine/store/store_writer.h"

namespace {

using namespace embstore;

constexpr std::size_t kK = 10;
constexpr std::size_t kQueries = 1000;
constexpr int kRuns = 15;
// Two of the truth's scores are equal when they differ by no more than this.
constexpr float kSameScore = 1e-5F;

template <typename T>
T Must(Result<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.status().message().c_str());
  std::exit(1);
}

void Must(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}

float FromHalf(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  const float value = exponent == 0
                          ? std::ldexp(static_cast<float>(mantissa), -24)
                          : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  return (half & 0x8000) != 0 ? -value : value;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::fprintf(stderr, "cannot read '%s'\n", path.c_str());
    std::exit(1);
  }
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A store with the rows of an .f16 file as the documents 0, 1, ...
void FillStore(Store* store, const std::string& halves, std::uint32_t dimensions) {
  StoreWriter writer(store);
  const EmbeddingIdentity identity{"bench", dimensions, "", 1};
  Must(writer.AddSpace({identity, "bench", 0}));
  SplitRecord split = Must(writer.BeginDocuments("bench"));
  const std::size_t row_bytes = dimensions * 2;
  split.documents = halves.size() / row_bytes;
  std::vector<DocumentRecord> documents;
  std::vector<std::string> texts;
  std::vector<std::vector<float>> rows;
  for (std::size_t i = 0; i < split.documents; ++i) {
    texts.push_back(std::to_string(i));
    documents.push_back({MakeTextKey(texts.back()), "", {}});
    std::vector<float>& row = rows.emplace_back();
    for (std::size_t d = 0; d < dimensions; ++d) {
      std::uint16_t half = 0;
      std::memcpy(&half, halves.data() + i * row_bytes + d * 2, 2);
      row.push_back(FromHalf(half));
    }
  }
  Must(writer.AppendDocuments(split, 0, documents));
  Must(writer.PublishDocuments("bench", split));
  Commit commit;
  commit.space = MakeSpaceId(identity);
  commit.run_number = 1;
  commit.run.emplace().split = "bench";
  commit.coverage.emplace();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    commit.embedded.push_back({documents[i].text, texts[i], 1, rows[i]});
  }
  Must(writer.Write(commit));
}

/// The median of the milliseconds that `work` takes.
template <typename Work>
double Milliseconds(const Work& work) {
  std::vector<double> times;
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    work(run);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    times.push_back(took.count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

struct Bench {
  std::unique_ptr<Store> store;
  SplitInfo split;
  SpaceId space;
  std::uint32_t dimensions = 0;
  std::vector<float> queries;  // float32 (count, D): vectors of documents 0, 1, ...
  std::vector<std::uint64_t> positions;
  std::vector<std::vector<float>> truth;  // Scores of the kK nearest.
};

void TakeQueries(Bench* bench) {
  const std::uint64_t documents = bench->split.record.documents;
  const std::uint64_t count = std::min<std::uint64_t>(kQueries, documents);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t position = bench->truth.empty() ? i * (documents / count) : i;
    Must(
        bench->store->ForEachDocument(bench->split, position, 1, [&](const DocumentInfo& document) {
          bench->positions.push_back(position);
          bench->queries.resize(bench->queries.size() + bench->dimensions);
          return bench->store->GetVector(bench->space, document.record.text,
                                         std::span(bench->queries).last(bench->dimensions));
        }));
  }
}

std::span<const float> Query(const Bench& bench, std::size_t i) {
  return std::span(bench.queries).subspan(i * bench.dimensions, bench.dimensions);
}

std::vector<Hit> Find(const Bench& bench, const Searcher& searcher, std::size_t i,
                      QueryOptions options) {
  options.k = kK;
  options.exclude = bench.positions[i];
  return Must(searcher.Search(Query(bench, i), options));
}

double Recall(const Bench& bench, const Searcher& searcher, const QueryOptions& options) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < bench.positions.size(); ++i) {
    const auto hits = Find(bench, searcher, i, options);
    const float last = bench.truth[i].back() - kSameScore;
    for (const Hit& hit : hits) found += hit.score >= last ? 1 : 0;
  }
  return static_cast<double>(found) / static_cast<double>(bench.positions.size() * kK);
}

void Measure(Bench* bench) {
  const auto one_thread =
      Must(Searcher::OfSplit(*bench->store, bench->split, bench->space, {true, 1}));
  const auto two_threads =
      Must(Searcher::OfSplit(*bench->store, bench->split, bench->space, {true, 2}));
  const auto on_disk =
      Must(Searcher::OfSplit(*bench->store, bench->split, bench->space, {false, 1}));
  QueryOptions exact;
  exact.exact = true;
  if (bench->truth.empty()) {
    for (std::size_t i = 0; i < bench->positions.size(); ++i) {
      auto& scores = bench->truth.emplace_back();
      for (const Hit& hit : Find(*bench, *two_threads, i, exact)) scores.push_back(hit.score);
    }
  }
  std::printf("%llu vectors of %u dimensions, %zu queries, kernels: %s\n",
              static_cast<unsigned long long>(bench->split.record.documents), bench->dimensions,
              bench->positions.size(), BestKernels().instructions);
  std::printf("recall@10  exact      %.4f\n", Recall(*bench, *two_threads, exact));
  for (const std::uint32_t rescored : {50U, 100U, 0U, 300U, 500U, 1000U}) {
    QueryOptions options;
    options.rescored = rescored;
    const double recall = Recall(*bench, *one_thread, options);
    const double time = Milliseconds(
        [&](int run) { Find(*bench, *one_thread, static_cast<std::size_t>(run), options); });
    std::printf("recall@10  rescored %4u%s  %.4f  %.3f ms\n", rescored,
                rescored == 0 ? " (default)" : "          ", recall, time);
  }
  std::vector<float> memory(bench->split.record.documents * bench->dimensions, 1.0F);
  std::vector<float> squares(bench->split.record.documents);
  const double read = Milliseconds([&](int) {
    BestKernels().squared_norms(memory.data(), squares.size(), bench->dimensions, squares.data());
  });
  const auto time = [&](const Searcher& searcher, const QueryOptions& options) {
    return Milliseconds([&](int run) {
      Find(*bench, searcher, static_cast<std::size_t>(run) % bench->positions.size(), options);
    });
  };
  const double exact_one = time(*one_thread, exact);
  const double exact_two = time(*two_threads, exact);
  const double sketch = time(*one_thread, {});
  const double sketch_disk = time(*on_disk, {});
  const double exact_disk = time(*on_disk, exact);
  const auto batch = [&](const QueryOptions& options) {
    const std::size_t count = std::min<std::size_t>(64, bench->positions.size());
    return Milliseconds([&](int) {
             Must(one_thread->SearchBatch(
                 std::span(bench->queries).first(count * bench->dimensions), options));
           }) /
           static_cast<double>(count);
  };
  std::printf("one query, ms (median of %d)                 ratio to exact\n", kRuns);
  const auto row = [&](const char* what, double ms) {
    std::printf("%-40s %9.3f  %8.4f\n", what, ms, ms / exact_one);
  };
  row("lengths of all vectors in memory, 1 thr.", read);
  row("exact, vectors in memory, 1 thread", exact_one);
  row("exact, vectors in memory, 2 threads", exact_two);
  row("exact, 64 queries at once, 1 thread", batch(exact));
  row("sketches, vectors in memory, 1 thread", sketch);
  row("sketches, 64 queries at once, 1 thread", batch({}));
  row("sketches, vectors in the store", sketch_disk);
  row("exact, vectors in the store", exact_disk);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fprintf(stderr,
                 "usage: search_bench VECTORS.f16 DIMENSIONS [TRUTH.fvecs]\n"
                 "       search_bench STORE_DIR SPLIT\n");
    return 2;
  }
  Bench bench;
  const bool is_store = std::filesystem::is_directory(argv[1]);
  const auto scratch = std::filesystem::temp_directory_path() /
                       ("search_bench-" + std::to_string(std::random_device()()));
  StoreOptions options;
  options.read_only = is_store;
  bench.store = Must(Store::Open(is_store ? std::filesystem::path(argv[1]) : scratch, options));
  if (!is_store) {
    FillStore(bench.store.get(), ReadFile(argv[1]),
              static_cast<std::uint32_t>(std::stoul(argv[2])));
  }
  bench.split = Must(bench.store->FindSplit(is_store ? argv[2] : "bench"));
  const SpaceInfo space = Must(bench.store->Spaces()).front();
  bench.space = space.id;
  bench.dimensions = space.record.identity.dimensions;
  if (argc == 4) {
    const std::string raw = ReadFile(argv[3]);
    for (std::size_t at = 0; at + 4 + 4 * kK <= raw.size(); at += 4 + 4 * kK) {
      std::vector<float>& scores = bench.truth.emplace_back(kK);
      std::memcpy(scores.data(), raw.data() + at + 4, 4 * kK);
    }
  }
  TakeQueries(&bench);
  Measure(&bench);
  if (!is_store) {
    bench.store.reset();
    std::filesystem::remove_all(scratch);
  }
  return 0;
}
