// SPDX-License-Identifier: Apache-2.0
#include "engine/record/record.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "engine/hash/hash.h"
#include "engine/record/keys.h"

namespace embstore {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::uint64_t kMax64 = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint32_t kMax32 = std::numeric_limits<std::uint32_t>::max();

const std::string kKey = "a key of a record";
const std::string kOdd("with NUL \0 and \xC3\xA4", 14);

template <std::size_t N>
std::array<std::uint8_t, N> Bytes(std::uint8_t first) {
  std::array<std::uint8_t, N> out{};
  for (std::size_t i = 0; i < N; ++i) out[i] = static_cast<std::uint8_t>(first + i);
  return out;
}

bool Same(const MetaRecord& a, const MetaRecord& b) {
  return std::tie(a.format_version, a.store_id, a.created_micros, a.has_ledger) ==
         std::tie(b.format_version, b.store_id, b.created_micros, b.has_ledger);
}
bool Same(const CommitShare& a, const CommitShare& b) {
  return std::tie(a.request, a.texts, a.tokens, a.estimated_tokens, a.reported, a.last) ==
         std::tie(b.request, b.texts, b.tokens, b.estimated_tokens, b.reported, b.last);
}
bool Same(const CommitRecord& a, const CommitRecord& b) {
  return a.number == b.number && a.charges == b.charges &&
         std::equal(a.shares.begin(), a.shares.end(), b.shares.begin(), b.shares.end(),
                    [](const CommitShare& x, const CommitShare& y) { return Same(x, y); });
}
bool Same(const SpaceRecord& a, const SpaceRecord& b) {
  return std::tie(a.identity, a.provider, a.created_micros) ==
         std::tie(b.identity, b.provider, b.created_micros);
}
bool Same(const IndexRecord& a, const IndexRecord& b) {
  return std::tie(a.fingerprint, a.text_bytes, a.tokens, a.raw_norm, a.created_micros, a.run) ==
         std::tie(b.fingerprint, b.text_bytes, b.tokens, b.raw_norm, b.created_micros, b.run);
}
bool Same(const DocumentRecord& a, const DocumentRecord& b) {
  return std::tie(a.text, a.id, a.label) == std::tie(b.text, b.id, b.label);
}
bool Same(const SplitRecord& a, const SplitRecord& b) {
  return std::tie(a.id, a.generation, a.documents, a.unique_documents, a.dataset, a.source,
                  a.layout, a.has_ids, a.list_sha256, a.source_bytes, a.source_modified_nanos,
                  a.source_changed_nanos, a.source_inode, a.created_micros) ==
         std::tie(b.id, b.generation, b.documents, b.unique_documents, b.dataset, b.source,
                  b.layout, b.has_ids, b.list_sha256, b.source_bytes, b.source_modified_nanos,
                  b.source_changed_nanos, b.source_inode, b.created_micros);
}
bool Same(const CoverageRecord& a, const CoverageRecord& b) {
  return std::tie(a.generation, a.embedded, a.complete, a.last_position, a.batch_size,
                  a.total_batches, a.api_calls, a.tokens, a.tokens_estimated, a.cost,
                  a.updated_micros,
                  a.imported) == std::tie(b.generation, b.embedded, b.complete, b.last_position,
                                          b.batch_size, b.total_batches, b.api_calls, b.tokens,
                                          b.tokens_estimated, b.cost, b.updated_micros, b.imported);
}
bool Same(const FailureRecord& a, const FailureRecord& b) {
  return std::tie(a.code, a.reason, a.split, a.document_id, a.created_micros) ==
         std::tie(b.code, b.reason, b.split, b.document_id, b.created_micros);
}
bool Same(const RunRecord& a, const RunRecord& b) {
  return std::tie(a.split, a.space, a.started_micros, a.updated_micros, a.embedded, a.api_calls,
                  a.tokens, a.tokens_estimated, a.cost, a.outcome, a.source) ==
         std::tie(b.split, b.space, b.started_micros, b.updated_micros, b.embedded, b.api_calls,
                  b.tokens, b.tokens_estimated, b.cost, b.outcome, b.source);
}

/// A record with a different value in every field, extremes among them.
template <typename Record>
Record Full();
template <>
MetaRecord Full() {
  return {kMax32, "0123456789abcdef0123456789abcdef", kMin, true};
}
template <>
CommitRecord Full() {
  return {kMax64, 3, {{4, kMax32, 5, 6, true, false}, {kMax64, 7, 8, 9, false, true}}};
}
template <>
SpaceRecord Full() {
  return {{"model/" + kOdd, 768, "CLUSTERING", 3}, "gemini", 1'790'000'000'000'000};
}
template <>
IndexRecord Full() {
  return {{Bytes<16>(1)}, kMax32, 77, -1.5f, kMin, 9};
}
template <>
DocumentRecord Full() {
  return {{{Bytes<16>(1)}, {Bytes<16>(101)}, kMax32}, "id-" + kOdd, "label " + kOdd};
}
template <>
SplitRecord Full() {
  return {1,
          2,
          kMax64,
          4,
          "dataset",
          "/a/source",
          "layout",
          true,
          Bytes<32>(200),
          5,
          kMin,
          7,
          kMax64,
          1'790'000'000'000'000};
}
template <>
CoverageRecord Full() {
  return {1, kMax64, true, 3, kMax32, 5, 6, 7, true, {kMin}, 9, kMax64};
}
template <>
FailureRecord Full() {
  return {"rejected", "reason " + kOdd, "train", "id", kMin};
}
template <>
RunRecord Full() {
  return {"train", {kMax64}, kMin, 2, 3, 4, 5, true, {6}, "complete", "vectors.npy"};
}

/// The smallest record that may be stored: a space without dimensions, for one, may not.
template <typename Record>
Record Least() {
  Record record;
  if constexpr (std::is_same_v<Record, SpaceRecord>) record.identity.dimensions = 1;
  return record;
}

#define EMBSTORE_ALL_RECORDS                                                                       \
  MetaRecord, CommitRecord, SpaceRecord, IndexRecord, DocumentRecord, SplitRecord, CoverageRecord, \
      FailureRecord, RunRecord

TEST_CASE_TEMPLATE("record: every field comes back", Record, EMBSTORE_ALL_RECORDS) {
  for (const Record& record : {Full<Record>(), Least<Record>()}) {
    const auto decoded = DecodeRecord<Record>(kKey, EncodeRecord(kKey, record));
    REQUIRE_MESSAGE(decoded.ok(), decoded.status().message());
    CHECK(Same(*decoded, record));
  }
  CHECK_FALSE(Same(Full<Record>(), Least<Record>()));
}

TEST_CASE_TEMPLATE("record: a record's bytes depend on nothing but key and content", Record,
                   EMBSTORE_ALL_RECORDS) {
  const std::string first = EncodeRecord(kKey, Full<Record>());
  EncodeRecord("other", Least<Record>());
  CHECK(EncodeRecord(kKey, Full<Record>()) == first);
  CHECK(EncodeRecord("other", Full<Record>()).substr(8) == first.substr(8));
}

TEST_CASE_TEMPLATE("record: a record with any bit changed is refused", Record,
                   EMBSTORE_ALL_RECORDS) {
  for (const Record& record : {Full<Record>(), Least<Record>()}) {
    const std::string value = EncodeRecord(kKey, record);
    for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
      std::string damaged = value;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
      CAPTURE(bit);
      REQUIRE(DecodeRecord<Record>(kKey, damaged).code() == Code::kCorruption);
    }
  }
}

TEST_CASE_TEMPLATE("record: a record cut or lengthened anywhere is refused", Record,
                   EMBSTORE_ALL_RECORDS) {
  const std::string value = EncodeRecord(kKey, Full<Record>());
  for (std::size_t length = 0; length < value.size(); ++length) {
    REQUIRE(DecodeRecord<Record>(kKey, value.substr(0, length)).code() == Code::kCorruption);
  }
  CHECK(DecodeRecord<Record>(kKey, value + '\0').code() == Code::kCorruption);
  CHECK(DecodeRecord<Record>(kKey, value + value).code() == Code::kCorruption);
  CHECK(DecodeRecord<Record>(kKey, std::string(500, '\0')).code() == Code::kCorruption);
}

TEST_CASE_TEMPLATE("record: a record under another key is refused", Record, EMBSTORE_ALL_RECORDS) {
  const std::string value = EncodeRecord(kKey, Full<Record>());
  for (std::size_t bit = 0; bit < kKey.size() * 8; ++bit) {
    std::string key = kKey;
    key[bit / 8] = static_cast<char>(key[bit / 8] ^ 1 << bit % 8);
    REQUIRE(DecodeRecord<Record>(key, value).code() == Code::kCorruption);
  }
  CHECK(DecodeRecord<Record>("", value).code() == Code::kCorruption);
  CHECK(DecodeRecord<Record>(kKey + '\0', value).code() == Code::kCorruption);
}

TEST_CASE_TEMPLATE("record: a record is read from any address", Record, EMBSTORE_ALL_RECORDS) {
  const std::string value = EncodeRecord(kKey, Full<Record>());
  for (std::size_t offset = 0; offset < 8; ++offset) {
    std::vector<std::uint64_t> aligned(value.size() / 8 + 3);
    char* const at = reinterpret_cast<char*>(aligned.data()) + offset;
    std::memcpy(at, value.data(), value.size());
    const auto decoded = DecodeRecord<Record>(kKey, {at, value.size()});
    REQUIRE(decoded.ok());
    CHECK(Same(*decoded, Full<Record>()));
  }
}

/// `payload` behind the checksum that belongs to it: damage that no checksum can tell.
std::string Sealed(const std::string& payload) {
  const std::uint64_t checksum = RecordChecksum(kKey, payload);
  std::string out(8, '\0');
  std::memcpy(out.data(), &checksum, 8);
  return out + payload;
}

TEST_CASE_TEMPLATE("record: a payload that is no such record is refused, never followed", Record,
                   EMBSTORE_ALL_RECORDS) {
  CHECK(DecodeRecord<Record>(kKey, Sealed("")).code() == Code::kCorruption);
  CHECK(DecodeRecord<Record>(kKey, Sealed("x")).code() == Code::kCorruption);
  CHECK(DecodeRecord<Record>(kKey, Sealed(std::string(64, '\0'))).code() == Code::kCorruption);
  CHECK(DecodeRecord<Record>(kKey, Sealed(std::string(64, '\xFF'))).code() == Code::kCorruption);
  const std::string payload = EncodeRecord(kKey, Full<Record>()).substr(8);
  for (std::size_t length = 0; length < payload.size(); ++length) {
    DecodeRecord<Record>(kKey, Sealed(payload.substr(0, length))).status().IgnoreError();
  }
  for (std::size_t at = 0; at < payload.size(); ++at) {
    for (const int byte : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
      std::string damaged = payload;
      damaged[at] = static_cast<char>(byte);
      // Some of these are records with other numbers in them; none may lead outside the buffer.
      DecodeRecord<Record>(kKey, Sealed(damaged)).status().IgnoreError();
    }
  }
}

TEST_CASE("record: a record of another kind is refused where a field must be there") {
  const std::string commit = EncodeRecord(kKey, CommitRecord{});
  CHECK(DecodeRecord<IndexRecord>(kKey, commit).code() == Code::kCorruption);
  CHECK(DecodeRecord<DocumentRecord>(kKey, commit).code() == Code::kCorruption);
  CHECK(DecodeRecord<SplitRecord>(kKey, commit).code() == Code::kCorruption);
  CHECK(DecodeRecord<SpaceRecord>(kKey, commit).code() == Code::kCorruption);
  CHECK(DecodeRecord<MetaRecord>(kKey, commit).code() == Code::kCorruption);
}

TEST_CASE("record: a format version or a dimension of zero is refused") {
  MetaRecord meta;
  meta.format_version = 0;
  CHECK(DecodeRecord<MetaRecord>(kKey, EncodeRecord(kKey, meta)).code() == Code::kCorruption);
  CHECK(DecodeRecord<SpaceRecord>(kKey, EncodeRecord(kKey, SpaceRecord{})).code() ==
        Code::kCorruption);
}

TEST_CASE("record: a newer format version is read, so that it can be named") {
  MetaRecord meta;
  meta.format_version = kFormatVersion + 1;
  const auto decoded = DecodeRecord<MetaRecord>(kKey, EncodeRecord(kKey, meta));
  REQUIRE(decoded.ok());
  CHECK(decoded->format_version == 2);
}

TEST_CASE("record: no label and an empty label are different things") {
  DocumentRecord document;
  auto decoded = DecodeRecord<DocumentRecord>(kKey, EncodeRecord(kKey, document));
  REQUIRE(decoded.ok());
  CHECK_FALSE(decoded->label.has_value());
  document.label = "";
  decoded = DecodeRecord<DocumentRecord>(kKey, EncodeRecord(kKey, document));
  REQUIRE(decoded.ok());
  CHECK(decoded->label == "");
}

TEST_CASE("record: text of any length is kept") {
  FailureRecord failure = Full<FailureRecord>();
  failure.reason = std::string(1'000'000, 'r');
  const auto decoded = DecodeRecord<FailureRecord>(kKey, EncodeRecord(kKey, failure));
  REQUIRE(decoded.ok());
  CHECK(Same(*decoded, failure));
}

}  // namespace
}  // namespace embstore
