// SPDX-License-Identifier: Apache-2.0
#include "engine/record/record.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/hash/hash.h"
#include "record_generated.h"

namespace embstore {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr std::size_t kChecksumBytes = 8;
constexpr flatbuffers::uoffset_t kMaxVerifyDepth = 4;
constexpr flatbuffers::uoffset_t kMaxVerifyTables = 8;

template <typename Digest, std::size_t N>
Digest Pack(const std::array<std::uint8_t, N>& bytes) {
  return Digest(flatbuffers::make_span(bytes));
}

template <std::uint16_t N>
std::array<std::uint8_t, N> Unpack(const flatbuffers::Array<std::uint8_t, N>* bytes) {
  std::array<std::uint8_t, N> out;
  std::copy_n(bytes->data(), N, out.begin());
  return out;
}

std::string Text(const flatbuffers::String* text) {
  return text == nullptr ? std::string() : text->str();
}

// One Traits a record: its table, and how it is written and read. Read answers false when a field
// that must be there is not.
template <typename Record>
struct Traits;

template <>
struct Traits<MetaRecord> {
  using Table = fb::Meta;
  static Offset<Table> Write(FlatBufferBuilder& b, const MetaRecord& r) {
    return fb::CreateMeta(b, r.format_version, b.CreateString(r.store_id), r.created_micros,
                          r.has_ledger, r.has_sketches);
  }
  static bool Read(const Table& t, MetaRecord* r) {
    *r = {t.format_version(), Text(t.store_id()), t.created_micros(), t.has_ledger(),
          t.has_sketches()};
    return t.format_version() != 0;
  }
};

template <>
struct Traits<CommitRecord> {
  using Table = fb::Commit;
  static Offset<Table> Write(FlatBufferBuilder& b, const CommitRecord& r) {
    std::vector<fb::Share> shares;
    for (const CommitShare& s : r.shares) {
      shares.emplace_back(s.request, s.tokens, s.estimated_tokens, s.texts, s.reported, s.last);
    }
    return fb::CreateCommit(b, r.number, r.charges, b.CreateVectorOfStructs(shares));
  }
  static bool Read(const Table& t, CommitRecord* r) {
    r->number = t.number();
    r->charges = t.charges();
    r->shares.clear();
    if (t.shares() == nullptr) return true;
    for (flatbuffers::uoffset_t i = 0; i < t.shares()->size(); ++i) {
      fb::Share s;  // A copy: the verifier does not see to the alignment of structs in a vector.
      std::memcpy(&s, t.shares()->Data() + i * sizeof s, sizeof s);
      r->shares.push_back(
          {s.request(), s.texts(), s.tokens(), s.estimated_tokens(), s.reported(), s.last()});
    }
    return true;
  }
};

template <>
struct Traits<SpaceRecord> {
  using Table = fb::Space;
  static Offset<Table> Write(FlatBufferBuilder& b, const SpaceRecord& r) {
    return fb::CreateSpace(b, b.CreateString(r.identity.model), r.identity.dimensions,
                           b.CreateString(r.identity.task_type), r.identity.text_template_version,
                           b.CreateString(r.provider), r.created_micros);
  }
  static bool Read(const Table& t, SpaceRecord* r) {
    r->identity = {Text(t.model()), t.dimensions(), Text(t.task_type()), t.text_template_version()};
    r->provider = Text(t.provider());
    r->created_micros = t.created_micros();
    return t.dimensions() > 0;
  }
};

template <>
struct Traits<IndexRecord> {
  using Table = fb::Index;
  static Offset<Table> Write(FlatBufferBuilder& b, const IndexRecord& r) {
    const fb::IndexFacts facts(Pack<fb::Digest128>(r.fingerprint.bytes), r.created_micros,
                               r.text_bytes, r.tokens, r.raw_norm, r.run);
    return fb::CreateIndex(b, &facts);
  }
  static bool Read(const Table& t, IndexRecord* r) {
    const fb::IndexFacts* facts = t.facts();
    if (facts == nullptr) return false;
    *r = {{Unpack(facts->fingerprint().bytes())},
          facts->text_bytes(),
          facts->tokens(),
          facts->raw_norm(),
          facts->created_micros(),
          facts->run()};
    return true;
  }
};

template <>
struct Traits<DocumentRecord> {
  using Table = fb::Document;
  static Offset<Table> Write(FlatBufferBuilder& b, const DocumentRecord& r) {
    const auto hash = Pack<fb::Digest128>(r.text.hash.bytes);
    const auto fingerprint = Pack<fb::Digest128>(r.text.fingerprint.bytes);
    const auto id = r.id.empty() ? Offset<flatbuffers::String>() : b.CreateString(r.id);
    const auto label = r.label ? b.CreateString(*r.label) : Offset<flatbuffers::String>();
    return fb::CreateDocument(b, &hash, &fingerprint, static_cast<std::uint32_t>(r.text.length), id,
                              label);
  }
  static bool Read(const Table& t, DocumentRecord* r) {
    if (t.hash() == nullptr || t.fingerprint() == nullptr) return false;
    r->text = {{Unpack(t.hash()->bytes())}, {Unpack(t.fingerprint()->bytes())}, t.text_bytes()};
    r->id = Text(t.id());
    r->label.reset();
    if (t.label() != nullptr) r->label = t.label()->str();
    return true;
  }
};

template <>
struct Traits<SplitRecord> {
  using Table = fb::Split;
  static Offset<Table> Write(FlatBufferBuilder& b, const SplitRecord& r) {
    const auto dataset = b.CreateString(r.dataset);
    const auto source = b.CreateString(r.source);
    const auto layout = b.CreateString(r.layout);
    const auto sha256 = Pack<fb::Digest256>(r.list_sha256);
    return fb::CreateSplit(b, r.id, r.generation, r.documents, r.unique_documents, dataset, source,
                           layout, r.has_ids, &sha256, r.source_bytes, r.source_modified_nanos,
                           r.source_changed_nanos, r.source_inode, r.created_micros);
  }
  static bool Read(const Table& t, SplitRecord* r) {
    if (t.list_sha256() == nullptr) return false;
    *r = {t.id(),
          t.generation(),
          t.documents(),
          t.unique_documents(),
          Text(t.dataset()),
          Text(t.source()),
          Text(t.layout()),
          t.has_ids(),
          Unpack(t.list_sha256()->bytes()),
          t.source_bytes(),
          t.source_modified_nanos(),
          t.source_changed_nanos(),
          t.source_inode(),
          t.created_micros()};
    return true;
  }
};

template <>
struct Traits<CoverageRecord> {
  using Table = fb::Coverage;
  static Offset<Table> Write(FlatBufferBuilder& b, const CoverageRecord& r) {
    return fb::CreateCoverage(b, r.generation, r.embedded, r.complete, r.last_position,
                              r.batch_size, r.total_batches, r.api_calls, r.tokens,
                              r.tokens_estimated, r.cost.nano_usd, r.updated_micros, r.imported);
  }
  static bool Read(const Table& t, CoverageRecord* r) {
    *r = {t.generation(),       t.embedded(),        t.complete(),       t.last_position(),
          t.batch_size(),       t.total_batches(),   t.api_calls(),      t.tokens(),
          t.tokens_estimated(), {t.cost_nano_usd()}, t.updated_micros(), t.imported()};
    return true;
  }
};

template <>
struct Traits<FailureRecord> {
  using Table = fb::Failure;
  static Offset<Table> Write(FlatBufferBuilder& b, const FailureRecord& r) {
    const auto code = b.CreateString(r.code);
    const auto reason = b.CreateString(r.reason);
    const auto split = b.CreateString(r.split);
    const auto document_id = b.CreateString(r.document_id);
    return fb::CreateFailure(b, code, reason, split, document_id, r.created_micros);
  }
  static bool Read(const Table& t, FailureRecord* r) {
    *r = {Text(t.code()), Text(t.reason()), Text(t.split()), Text(t.document_id()),
          t.created_micros()};
    return true;
  }
};

template <>
struct Traits<RunRecord> {
  using Table = fb::Run;
  static Offset<Table> Write(FlatBufferBuilder& b, const RunRecord& r) {
    const auto split = b.CreateString(r.split);
    const auto outcome = b.CreateString(r.outcome);
    const auto source = r.source.empty() ? Offset<flatbuffers::String>() : b.CreateString(r.source);
    return fb::CreateRun(b, split, r.space.value, r.started_micros, r.updated_micros, r.embedded,
                         r.api_calls, r.tokens, r.tokens_estimated, r.cost.nano_usd, outcome,
                         source);
  }
  static bool Read(const Table& t, RunRecord* r) {
    *r = {Text(t.split()),     {t.space()},       t.started_micros(), t.updated_micros(),
          t.embedded(),        t.api_calls(),     t.tokens(),         t.tokens_estimated(),
          {t.cost_nano_usd()}, Text(t.outcome()), Text(t.source())};
    return true;
  }
};

}  // namespace

template <typename Record>
std::string EncodeRecord(std::string_view key, const Record& record) {
  thread_local FlatBufferBuilder builder;
  builder.Clear();
  builder.Finish(Traits<Record>::Write(builder, record));
  const std::string_view payload(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                                 builder.GetSize());
  const std::uint64_t checksum = RecordChecksum(key, payload);
  std::string value(kChecksumBytes + payload.size(), '\0');
  std::memcpy(value.data(), &checksum, kChecksumBytes);
  std::memcpy(value.data() + kChecksumBytes, payload.data(), payload.size());
  return value;
}

template <typename Record>
Result<Record> DecodeRecord(std::string_view key, std::string_view value) {
  if (value.size() <= kChecksumBytes) return Status(Code::kCorruption, "record is cut short");
  const std::string_view payload = value.substr(kChecksumBytes);
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, value.data(), kChecksumBytes);
  if (checksum != RecordChecksum(key, payload)) {
    return Status(Code::kCorruption, "record does not match its checksum");
  }
  // Values come unaligned out of RocksDB, and the verifier measures alignment from the start.
  thread_local std::vector<std::uint64_t> aligned;
  aligned.resize((payload.size() + 7) / 8);
  std::memcpy(aligned.data(), payload.data(), payload.size());
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(aligned.data());
  using Table = typename Traits<Record>::Table;
  flatbuffers::Verifier verifier(bytes, payload.size(), kMaxVerifyDepth, kMaxVerifyTables);
  Record record;
  if (!verifier.VerifyBuffer<Table>(nullptr) ||
      !Traits<Record>::Read(*flatbuffers::GetRoot<Table>(bytes), &record)) {
    return Status(Code::kCorruption, "record is not what its key says");
  }
  return record;
}

#define EMBSTORE_RECORD(Record)                                               \
  template std::string EncodeRecord<Record>(std::string_view, const Record&); \
  template Result<Record> DecodeRecord<Record>(std::string_view, std::string_view)
EMBSTORE_RECORD(MetaRecord);
EMBSTORE_RECORD(CommitRecord);
EMBSTORE_RECORD(SpaceRecord);
EMBSTORE_RECORD(IndexRecord);
EMBSTORE_RECORD(DocumentRecord);
EMBSTORE_RECORD(SplitRecord);
EMBSTORE_RECORD(CoverageRecord);
EMBSTORE_RECORD(FailureRecord);
EMBSTORE_RECORD(RunRecord);
#undef EMBSTORE_RECORD

}  // namespace embstore
