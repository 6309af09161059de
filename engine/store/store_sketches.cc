// SPDX-License-Identifier: Apache-2.0
#include "engine/store/store_sketches.h"

#include <rocksdb/write_batch.h>

#include <vector>

#include "engine/record/sketch_record.h"
#include "engine/record/vector_record.h"
#include "engine/store/compaction.h"
#include "engine/store/rocksdb_options.h"
#include "engine/store/rocksdb_status.h"

namespace embstore {
namespace {

constexpr std::uint32_t kBatchSketches = 4096;

Status AddFamily(Store::Impl* impl) {
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  const rocksdb::Status created = impl->db->CreateColumnFamily(
      MakeFamilyOptions(Family::kSketches, nullptr),
      std::string(kFamilyNames[static_cast<std::size_t>(Family::kSketches)]), &handle);
  if (!created.ok()) return FromRocks(created, "add the family 'sketches' to the store");
  impl->families[static_cast<std::size_t>(Family::kSketches)] = handle;
  return {};
}

Status MakeAll(Store::Impl* impl) {
  SketchMaker maker;
  std::vector<float> vector;
  rocksdb::WriteBatch batch;
  const auto flush = [&]() -> Status {
    CountWrite(impl, batch.GetDataSize());
    const rocksdb::Status written = impl->db->Write(UnsyncedWrite(), &batch);
    batch.Clear();
    return written.ok() ? Status() : FromRocks(written, "write sketches to the store");
  };
  Status scanned =
      impl->Scan(Family::kVectors, "", [&](std::string_view key, std::string_view value) {
        const auto view = DecodeVector(key, value);
        if (!view.ok()) return view.status().Prefixed(Store::Impl::Where(Family::kVectors, key));
        vector.resize(view->dimensions());
        view->CopyTo(vector);
        batch.Put(impl->family(Family::kSketches), rocksdb::Slice(key), maker.Make(key, vector));
        return batch.Count() < kBatchSketches ? Status() : flush();
      });
  return scanned.ok() ? flush() : scanned;
}

}  // namespace

const std::string& SketchMaker::Make(std::string_view key, std::span<const float> vector) {
  const Sketcher& sketcher =
      sketchers_.try_emplace(vector.size(), static_cast<std::uint32_t>(vector.size()))
          .first->second;
  bits_.resize(sketcher.bytes());
  sketcher.Sketch(vector, bits_);
  value_.clear();
  EncodeSketch(key, bits_, &value_);
  return value_;
}

Status EnsureSketches(Store::Impl* impl) {
  const bool has_family = impl->family(Family::kSketches) != nullptr;
  if (has_family && impl->meta.has_sketches) return {};
  if (!has_family) {
    if (Status added = AddFamily(impl); !added.ok()) return added;
  }
  Status made = MakeAll(impl);
  if (made.code() ==
      Code::kCorruption) {  // A search makes what it lacks; reading names the damage.
    if (impl->options.log) impl->options.log("sketches are not complete: " + made.message());
    return {};
  }
  if (!made.ok()) return made;
  impl->meta.has_sketches = true;
  return impl->WriteMeta();
}

}  // namespace embstore
