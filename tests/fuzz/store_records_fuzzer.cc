// SPDX-License-Identifier: Apache-2.0
// The FlatBuffers records of the store: as they are, and behind a checksum that fits. First byte:
// the kind of record.
#include "engine/hash/hash.h"
#include "engine/record/record.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

constexpr std::string_view kKey = "a key of the store";
constexpr std::size_t kChecksumBytes = 8;

std::string Sealed(std::string_view payload) {
  const std::uint64_t checksum = RecordChecksum(kKey, payload);
  std::string value(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  return value.append(payload);
}

template <typename Record>
void Check(std::string_view value) {
  const auto record = DecodeRecord<Record>(kKey, value);
  if (!record.ok()) {
    CheckMessage(record.status());
    FUZZ_CHECK(record.code() == Code::kCorruption);
    return;
  }
  FUZZ_CHECK(Sealed(value.substr(kChecksumBytes)) == value);
  FUZZ_CHECK(!DecodeRecord<Record>("another key", value).ok());
  // Written again it is another spelling of the same record.
  const std::string written = EncodeRecord(kKey, *record);
  const auto again = DecodeRecord<Record>(kKey, written);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(EncodeRecord(kKey, *again) == written);
}

template <typename Record>
void CheckBoth(std::string_view bytes) {
  Check<Record>(bytes);
  Check<Record>(Sealed(bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const auto kind = input.Take();
  const std::string_view bytes = input.rest();
  switch (kind % 9) {
    case 0:
      CheckBoth<MetaRecord>(bytes);
      break;
    case 1:
      CheckBoth<CommitRecord>(bytes);
      break;
    case 2:
      CheckBoth<SpaceRecord>(bytes);
      break;
    case 3:
      CheckBoth<IndexRecord>(bytes);
      break;
    case 4:
      CheckBoth<DocumentRecord>(bytes);
      break;
    case 5:
      CheckBoth<SplitRecord>(bytes);
      break;
    case 6:
      CheckBoth<CoverageRecord>(bytes);
      break;
    case 7:
      CheckBoth<FailureRecord>(bytes);
      break;
    default:
      CheckBoth<RunRecord>(bytes);
  }
  return 0;
}
