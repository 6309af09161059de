// SPDX-License-Identifier: Apache-2.0
// The steps of the main paths one by one, each with what the machine allows beside it: a name that
// ends in "_limit" is the same bytes copied, read or written and nothing else.
//
//   micro_bench [--benchmark_filter=REGEX]
//
// Files go to the directory for temporary files.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include "embstore/export.h"
#include "embstore/query.h"
#include "engine/hash/hash.h"
#include "engine/provider/gemini_reply.h"
#include "engine/query/kernels.h"
#include "engine/record/keys.h"
#include "engine/record/vector_record.h"
#include "engine/store/store_writer.h"

namespace {

using namespace embstore;

constexpr std::uint32_t kDimensions = 768;
constexpr std::size_t kVectorBytes = kDimensions * sizeof(float);
constexpr std::size_t kDocuments = 20'000;
constexpr std::size_t kBatch = 100;

void Must(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}

template <typename T>
T Must(Result<T> result) {
  Must(result.status());
  return *std::move(result);
}

std::filesystem::path NewDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "micro_bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) Must(Status(Code::kWriteFailed, "no directory: " + name));
  return name;
}

/// A directory that goes when the program ends.
struct Scratch {
  std::filesystem::path path = NewDirectory();
  ~Scratch() { std::filesystem::remove_all(path); }
};

std::string TextOf(std::size_t i) {
  return "document " + std::to_string(i) +
         ", with words enough to be as long as a gloss in a dictionary is";
}

std::vector<float> RandomRows(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 0.036F);
  std::vector<float> rows(count * kDimensions);
  for (float& value : rows) value = normal(random);
  return rows;
}

/// The commit of texts [first, first + count) with the first rows of `rows`.
Commit MakeCommit(SpaceId space, const std::vector<std::string>& texts, std::size_t first,
                  std::size_t count, const std::vector<float>& rows) {
  Commit commit;
  commit.space = space;
  commit.run_number = 1;
  commit.run.emplace().split = "s";
  commit.coverage.emplace();
  for (std::size_t i = first; i < first + count; ++i) {
    commit.embedded.push_back({MakeTextKey(texts[i]), texts[i], 1,
                               std::span(rows).subspan((i - first) * kDimensions, kDimensions)});
  }
  return commit;
}

/// A store of kDocuments documents, made once.
struct Filled {
  Scratch scratch;
  std::vector<std::string> texts;
  std::vector<std::string> ids;
  std::vector<TextKey> keys;
  EmbeddingIdentity identity{"bench", kDimensions, "", 1};
  SpaceId space = MakeSpaceId(identity);
  std::unique_ptr<Store> store;
  SplitInfo split;

  Filled() {
    {
      const auto writable = Must(Store::Open(scratch.path, {}));
      Fill(writable.get());
      Must(writable->Close());
    }
    StoreOptions options;
    options.read_only = true;
    store = Must(Store::Open(scratch.path, options));
    split = Must(store->FindSplit("s"));
  }

  void Fill(Store* to) {
    StoreWriter writer(to);
    Must(writer.AddSpace({identity, "bench", 0}));
    SplitRecord record = Must(writer.BeginDocuments("s"));
    record.documents = kDocuments;
    record.has_ids = true;
    std::vector<DocumentRecord> documents;
    for (std::size_t i = 0; i < kDocuments; ++i) {
      texts.push_back(TextOf(i));
      ids.push_back("id-" + std::to_string(i));
      keys.push_back(MakeTextKey(texts.back()));
      documents.push_back({keys.back(), ids.back(), {}});
    }
    Must(writer.AppendDocuments(record, 0, documents));
    Must(writer.PublishDocuments("s", record));
    for (std::size_t first = 0; first < kDocuments; first += 1000) {
      const auto rows = RandomRows(1000, static_cast<unsigned>(first));
      Must(writer.Write(MakeCommit(space, texts, first, 1000, rows)));
    }
  }
};

Filled& Data() {
  static Filled data;
  return data;
}

void PerItem(benchmark::State& state, std::size_t items, std::size_t bytes) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(items));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

// Hashes.

void HashText(benchmark::State& state) {
  const std::string text = TextOf(1);
  for (auto _ : state) benchmark::DoNotOptimize(MakeTextKey(text));
  PerItem(state, 1, text.size());
}
BENCHMARK(HashText);

void HashVector(benchmark::State& state) {
  const std::string key(40, 'k');
  const std::string payload(kVectorBytes, 'v');
  for (auto _ : state) benchmark::DoNotOptimize(RecordChecksum(key, payload));
  PerItem(state, 1, payload.size());
}
BENCHMARK(HashVector);

void HashVector_limit(benchmark::State& state) {
  std::string from(kVectorBytes, 'v');
  std::string to(kVectorBytes, '\0');
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), kVectorBytes);
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  PerItem(state, 1, kVectorBytes);
}
BENCHMARK(HashVector_limit);

// A Gemini answer of 100 vectors.

std::string ReplyBody() {
  const auto rows = RandomRows(kBatch, 1);
  std::string body = "{\n  \"embeddings\": [\n";
  char number[32];
  for (std::size_t i = 0; i < kBatch; ++i) {
    body += i == 0 ? "    {\n      \"values\": [\n" : ",\n    {\n      \"values\": [\n";
    for (std::size_t d = 0; d < kDimensions; ++d) {
      std::snprintf(number, sizeof number, "        %.8g%s\n",
                    static_cast<double>(rows[i * kDimensions + d]), d + 1 < kDimensions ? "," : "");
      body += number;
    }
    body += "      ]\n    }";
  }
  return body + "\n  ]\n}\n";
}

void ReadReply(benchmark::State& state) {
  HttpResponse response;
  response.status = 200;
  response.body = ReplyBody();
  const Secret key("any-word");
  EmbeddingCall call;
  call.host = "example.com";
  call.model = "gemini-embedding-001";
  call.key = &key;
  call.texts = kBatch;
  call.dimensions = kDimensions;
  JsonParser parser;
  for (auto _ : state) benchmark::DoNotOptimize(Must(ReadGeminiReply(response, call, &parser)));
  PerItem(state, kBatch, response.body.size());
}
BENCHMARK(ReadReply);

void ReadReply_limit(benchmark::State& state) {
  const std::string body = ReplyBody();
  std::string to(body.size(), '\0');
  for (auto _ : state) {
    std::memcpy(to.data(), body.data(), body.size());
    benchmark::ClobberMemory();
  }
  PerItem(state, kBatch, body.size());
}
BENCHMARK(ReadReply_limit);

// Records.

void EncodeRecord(benchmark::State& state) {
  const auto row = RandomRows(1, 2);
  const TextKey text = MakeTextKey("a text");
  const std::string key = VectorKey(MakeSpaceId({"bench", kDimensions, "", 1}), text.hash);
  std::string out;
  for (auto _ : state) {
    out.clear();
    EncodeVector(key, text.fingerprint, row, &out);
    benchmark::DoNotOptimize(out.data());
  }
  PerItem(state, 1, kVectorBytes);
}
BENCHMARK(EncodeRecord);

void DecodeRecord(benchmark::State& state) {
  auto row = RandomRows(1, 2);
  const TextKey text = MakeTextKey("a text");
  const std::string key = VectorKey(MakeSpaceId({"bench", kDimensions, "", 1}), text.hash);
  std::string value;
  EncodeVector(key, text.fingerprint, row, &value);
  for (auto _ : state) {
    Must(DecodeVector(key, value)).CopyTo(row);
    benchmark::ClobberMemory();
  }
  PerItem(state, 1, kVectorBytes);
}
BENCHMARK(DecodeRecord);
BENCHMARK(HashVector_limit)->Name("EncodeRecord_limit");

// The store. One commit of 100 texts is durable when it returns.

void PutBatch(benchmark::State& state) {
  const Scratch scratch;
  const auto store = Must(Store::Open(scratch.path, {}));
  StoreWriter writer(store.get());
  const EmbeddingIdentity identity{"bench", kDimensions, "", 1};
  Must(writer.AddSpace({identity, "bench", 0}));
  const SplitRecord record = Must(writer.BeginDocuments("s"));
  Must(writer.PublishDocuments("s", record));
  const auto rows = RandomRows(kBatch, 3);
  std::vector<std::string> texts(kBatch);
  std::size_t next = 0;
  for (auto _ : state) {
    for (std::string& text : texts) text = TextOf(next++);
    Must(writer.Write(MakeCommit(MakeSpaceId(identity), texts, 0, kBatch, rows)));
  }
  PerItem(state, kBatch, kBatch * kVectorBytes);
}
BENCHMARK(PutBatch)->UseRealTime();

void PutBatch_limit(benchmark::State& state) {
  const Scratch scratch;
  const int file = open((scratch.path / "raw").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  const std::string bytes(kBatch * kVectorBytes, 'v');
  for (auto _ : state) {
    if (write(file, bytes.data(), bytes.size()) < 0 || fdatasync(file) != 0) {
      state.SkipWithError("cannot write");
    }
  }
  close(file);
  PerItem(state, kBatch, bytes.size());
}
BENCHMARK(PutBatch_limit)->UseRealTime();

void GetById(benchmark::State& state) {
  Filled& data = Data();
  std::vector<float> row(kDimensions);
  std::mt19937 random(1);
  for (auto _ : state) {
    const std::string& id = data.ids[random() % kDocuments];
    Must(data.store->GetVector(data.space,
                               Must(data.store->FindDocument(data.split, id)).record.text, row));
  }
  PerItem(state, 1, kVectorBytes);
}
BENCHMARK(GetById);

void GetById_limit(benchmark::State& state) {
  const auto rows = RandomRows(kDocuments, 1);
  std::vector<float> row(kDimensions);
  std::mt19937 random(1);
  for (auto _ : state) {
    std::memcpy(row.data(), rows.data() + random() % kDocuments * kDimensions, kVectorBytes);
    benchmark::ClobberMemory();
  }
  PerItem(state, 1, kVectorBytes);
}
BENCHMARK(GetById_limit);

void Contains(benchmark::State& state) {
  Filled& data = Data();
  for (auto _ : state) {
    benchmark::DoNotOptimize(Must(data.store->Contains(data.space, data.keys)));
  }
  PerItem(state, kDocuments, 0);
}
BENCHMARK(Contains)->Unit(benchmark::kMillisecond);

void Contains_limit(benchmark::State& state) {  // A hash table in memory.
  std::unordered_set<std::string> known;
  const auto text_of = [](const TextKey& key) {
    return std::string(reinterpret_cast<const char*>(key.hash.bytes.data()), key.hash.bytes.size());
  };
  for (const TextKey& key : Data().keys) known.insert(text_of(key));
  for (auto _ : state) {
    std::size_t found = 0;
    for (const TextKey& key : Data().keys) found += known.count(text_of(key));
    benchmark::DoNotOptimize(found);
  }
  PerItem(state, kDocuments, 0);
}
BENCHMARK(Contains_limit)->Unit(benchmark::kMillisecond);

void Export(benchmark::State& state) {
  Filled& data = Data();
  for (auto _ : state) {
    state.PauseTiming();
    const Scratch scratch;
    state.ResumeTiming();
    ExportOptions options;
    options.split = "s";
    options.space = data.space;
    options.output_dir = scratch.path;
    Must(ExportSplit(*data.store, options));
  }
  PerItem(state, kDocuments, kDocuments * kVectorBytes);
}
BENCHMARK(Export)->Unit(benchmark::kMillisecond)->UseRealTime();

/// Copies a file as large as the export as `cp` does, and waits for the disk if `synced`.
void CopyFile(benchmark::State& state, bool synced) {
  const Scratch scratch;
  const std::string from = scratch.path / "from";
  {
    const auto rows = RandomRows(kDocuments, 1);
    std::FILE* file = std::fopen(from.c_str(), "wb");
    std::fwrite(rows.data(), kVectorBytes, kDocuments, file);
    std::fclose(file);
  }
  const std::string to = scratch.path / "to";
  for (auto _ : state) {
    unlink(to.c_str());
    const int in = open(from.c_str(), O_RDONLY);
    const int out = open(to.c_str(), O_CREAT | O_WRONLY | O_EXCL, 0600);
    while (copy_file_range(in, nullptr, out, nullptr, 1U << 30, 0) > 0) {
    }
    if (synced) fsync(out);
    close(in);
    close(out);
  }
  PerItem(state, kDocuments, kDocuments * kVectorBytes);
}
void Export_limit(benchmark::State& state) { CopyFile(state, false); }
void ExportSynced_limit(benchmark::State& state) { CopyFile(state, true); }
BENCHMARK(Export_limit)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(ExportSynced_limit)->Unit(benchmark::kMillisecond)->UseRealTime();

// Search with the vectors in memory, one thread.

void Search(benchmark::State& state, bool exact) {
  Filled& data = Data();
  const auto searcher = Must(Searcher::OfSplit(*data.store, data.split, data.space, {true, 1}));
  const auto queries = RandomRows(64, 5);
  QueryOptions options;
  options.exact = exact;
  std::size_t next = 0;
  for (auto _ : state) {
    const auto query = std::span(queries).subspan(next++ % 64 * kDimensions, kDimensions);
    benchmark::DoNotOptimize(Must(searcher->Search(query, options)));
  }
  PerItem(state, 1, kDocuments * kVectorBytes);
}
void TopK(benchmark::State& state) { Search(state, true); }
void TopKBySketches(benchmark::State& state) { Search(state, false); }
BENCHMARK(TopK)->Unit(benchmark::kMillisecond);
BENCHMARK(TopKBySketches)->Unit(benchmark::kMillisecond);

void TopK_limit(benchmark::State& state) {  // Reads the same memory once.
  const auto rows = RandomRows(kDocuments, 1);
  std::vector<float> squares(kDocuments);
  for (auto _ : state) {
    BestKernels().squared_norms(rows.data(), kDocuments, kDimensions, squares.data());
    benchmark::ClobberMemory();
  }
  PerItem(state, 1, kDocuments * kVectorBytes);
}
BENCHMARK(TopK_limit)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
