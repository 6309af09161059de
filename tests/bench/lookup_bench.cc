// SPDX-License-Identifier: Apache-2.0
// Look-up of vectors by document id: embstore against LMDB doing the same two look-ups, id -> key
// and key -> vector, and copying the vector; and against RocksDB doing no more than that, which is
// what embstore cannot be faster than. Prints JSON; times in microseconds.
//
//   lookup_bench STORE_DIR SPLIT SCRATCH_DIR ROUNDS
#include <lmdb.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "embstore/store.h"

namespace {

using namespace embstore;

constexpr std::size_t kSingle = 100'000;
constexpr std::size_t kMany = 1000;
constexpr std::size_t kManyRuns = 20;
// For the whole store: LMDB reads what the system has in memory, all of it here.
constexpr std::uint64_t kCacheBytes = std::uint64_t{4} << 30;

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) Die(result.status().message());
  return *std::move(result);
}

void Must(const Status& status) {
  if (!status.ok()) Die(status.message());
}

void MustLmdb(int code) {
  if (code != MDB_SUCCESS) Die(mdb_strerror(code));
}

void MustRocks(const rocksdb::Status& status) {
  if (!status.ok()) Die(status.ToString());
}

/// Calls visit(id, hash, vector) for each document.
template <typename Visit>
void ForEachRow(const Store& store, const SplitInfo& split, SpaceId space, std::size_t dimensions,
                const Visit& visit) {
  std::vector<float> row(dimensions);
  Must(store.ForEachDocument(split, 0, split.record.documents, [&](const DocumentInfo& document) {
    Status read = store.GetVector(space, document.record.text, row);
    const auto& hash = document.record.text.hash.bytes;
    if (read.ok()) {
      visit(document.Id(), std::string(hash.begin(), hash.end()), std::span<const float>(row));
    }
    return read;
  }));
}

MDB_val Value(const void* data, std::size_t size) { return {size, const_cast<void*>(data)}; }

/// The same documents and vectors in LMDB, read by one transaction.
class Lmdb {
 public:
  Lmdb(const std::string& directory, const Store& store, const SplitInfo& split, SpaceId space,
       std::size_t dimensions) {
    std::filesystem::create_directories(directory);
    MustLmdb(mdb_env_create(&environment_));
    MustLmdb(mdb_env_set_mapsize(environment_, std::size_t{1} << 36));
    MustLmdb(mdb_env_set_maxdbs(environment_, 2));
    MustLmdb(mdb_env_open(environment_, directory.c_str(), MDB_NOSYNC, 0644));
    MDB_txn* write = nullptr;
    MustLmdb(mdb_txn_begin(environment_, nullptr, 0, &write));
    MustLmdb(mdb_dbi_open(write, "ids", MDB_CREATE, &ids_));
    MustLmdb(mdb_dbi_open(write, "vectors", MDB_CREATE, &vectors_));
    ForEachRow(store, split, space, dimensions,
               [&](const std::string& id, const std::string& hash, std::span<const float> row) {
                 MDB_val id_value = Value(id.data(), id.size());
                 MDB_val key = Value(hash.data(), hash.size());
                 MDB_val vector = Value(row.data(), row.size_bytes());
                 MustLmdb(mdb_put(write, ids_, &id_value, &key, 0));
                 MustLmdb(mdb_put(write, vectors_, &key, &vector, 0));
               });
    MustLmdb(mdb_txn_commit(write));
    MustLmdb(mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &read_));
  }

  ~Lmdb() {
    mdb_txn_abort(read_);
    mdb_env_close(environment_);
  }
  Lmdb(const Lmdb&) = delete;
  Lmdb& operator=(const Lmdb&) = delete;

  void Get(const std::string& id, std::span<float> out) {
    MDB_val id_value = Value(id.data(), id.size());
    MDB_val key{};
    MDB_val vector{};
    MustLmdb(mdb_get(read_, ids_, &id_value, &key));
    MustLmdb(mdb_get(read_, vectors_, &key, &vector));
    std::memcpy(out.data(), vector.mv_data, out.size_bytes());
  }

 private:
  MDB_env* environment_ = nullptr;
  MDB_txn* read_ = nullptr;
  MDB_dbi ids_ = 0;
  MDB_dbi vectors_ = 0;
};

/// The same in a RocksDB of one level, whole in its cache, with nothing around the vectors.
class PlainRocksDb {
 public:
  PlainRocksDb(const std::string& directory, const Store& store, const SplitInfo& split,
               SpaceId space, std::size_t dimensions) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(kCacheBytes);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* database = nullptr;
    MustRocks(rocksdb::DB::Open(options, directory, &database));
    database_.reset(database);
    MustRocks(database_->CreateColumnFamily(options, "vectors", &vectors_));
    ForEachRow(
        store, split, space, dimensions,
        [&](const std::string& id, const std::string& hash, std::span<const float> row) {
          MustRocks(database_->Put({}, id, hash));
          MustRocks(database_->Put({}, vectors_, hash,
                                   {reinterpret_cast<const char*>(row.data()), row.size_bytes()}));
        });
    for (rocksdb::ColumnFamilyHandle* family : {database_->DefaultColumnFamily(), vectors_}) {
      MustRocks(database_->CompactRange({}, family, nullptr, nullptr));
    }
  }

  ~PlainRocksDb() { database_->DestroyColumnFamilyHandle(vectors_).PermitUncheckedError(); }
  PlainRocksDb(const PlainRocksDb&) = delete;
  PlainRocksDb& operator=(const PlainRocksDb&) = delete;

  void Get(const std::string& id, std::span<float> out) {
    hash_.Reset();
    vector_.Reset();
    MustRocks(database_->Get({}, database_->DefaultColumnFamily(), id, &hash_));
    MustRocks(database_->Get({}, vectors_, hash_, &vector_));
    std::memcpy(out.data(), vector_.data(), out.size_bytes());
  }

 private:
  std::unique_ptr<rocksdb::DB> database_;
  rocksdb::ColumnFamilyHandle* vectors_ = nullptr;
  rocksdb::PinnableSlice hash_;
  rocksdb::PinnableSlice vector_;
};

using Clock = std::chrono::steady_clock;

double MicrosecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

/// One round as a JSON object.
template <typename One, typename Many>
void Measure(const std::vector<std::string>& ids, unsigned seed, const One& one, const Many& many) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<std::size_t> any(0, ids.size() - 1);
  std::vector<double> times;
  for (std::size_t i = 0; i < kSingle; ++i) {
    const std::string& id = ids[any(random)];
    const auto start = Clock::now();
    one(id);
    times.push_back(MicrosecondsSince(start));
  }
  std::sort(times.begin(), times.end());
  std::vector<double> by_many;
  for (std::size_t i = 0; i < kManyRuns; ++i) {
    std::vector<std::string> wanted(kMany);
    for (std::string& id : wanted) id = ids[any(random)];
    const auto start = Clock::now();
    many(wanted);
    by_many.push_back(MicrosecondsSince(start) / kMany);
  }
  std::sort(by_many.begin(), by_many.end());
  std::printf("{\"p50\": %.3f, \"p99\": %.3f, \"many\": %.3f}", times[kSingle / 2],
              times[kSingle * 99 / 100], by_many[kManyRuns / 2]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: lookup_bench STORE_DIR SPLIT SCRATCH_DIR ROUNDS\n");
    return 2;
  }
  StoreOptions options;
  options.read_only = true;
  options.block_cache_bytes = kCacheBytes;
  const auto store = Must(Store::Open(argv[1], options));
  const SplitInfo split = Must(store->FindSplit(argv[2]));
  const SpaceInfo space = Must(store->SpacesOf(argv[2])).front();
  const std::size_t dimensions = space.record.identity.dimensions;
  const std::string scratch = argv[3];
  std::filesystem::create_directories(scratch);
  Lmdb lmdb(scratch + "/lmdb", *store, split, space.id, dimensions);
  PlainRocksDb rocks(scratch + "/rocksdb", *store, split, space.id, dimensions);

  std::vector<std::string> ids;
  Must(store->ForEachDocument(split, 0, split.record.documents, [&](const DocumentInfo& document) {
    ids.push_back(document.Id());
    return Status();
  }));
  std::vector<float> row(dimensions);
  std::vector<float> rows(kMany * dimensions);
  const auto store_one = [&](const std::string& id) {
    Must(store->GetVector(space.id, Must(store->FindDocument(split, id)).record.text, row));
  };
  const auto store_many = [&](const std::vector<std::string>& wanted) {
    std::vector<TextKey> keys;
    for (const std::string& id : wanted) {
      keys.push_back(Must(store->FindDocument(split, id)).record.text);
    }
    Must(store->GetVectors(space.id, keys, rows));
  };
  const auto one_of = [&](auto* database) {
    return [&row, database](const std::string& id) { database->Get(id, row); };
  };
  const auto many_of = [&](auto* database) {
    return [&rows, dimensions, database](const std::vector<std::string>& wanted) {
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        database->Get(wanted[i], std::span(rows).subspan(i * dimensions, dimensions));
      }
    };
  };
  for (const std::string& id : ids) {  // All are in the machine's memory from here on.
    store_one(id);
    lmdb.Get(id, row);
    rocks.Get(id, row);
  }
  const int rounds = std::atoi(argv[4]);
  // In turn.
  std::printf("{\"lmdb_version\": \"%d.%d.%d\", \"rounds\": [", MDB_VERSION_MAJOR,
              MDB_VERSION_MINOR, MDB_VERSION_PATCH);
  for (int round = 0; round < rounds; ++round) {
    const auto seed = static_cast<unsigned>(round);
    std::printf("%s{\"embstore\": ", round == 0 ? "" : ", ");
    Measure(ids, seed, store_one, store_many);
    std::printf(", \"lmdb\": ");
    Measure(ids, seed, one_of(&lmdb), many_of(&lmdb));
    std::printf(", \"rocksdb\": ");
    Measure(ids, seed, one_of(&rocks), many_of(&rocks));
    std::printf("}");
  }
  std::printf("]}\n");
  return 0;
}
