// SPDX-License-Identifier: Apache-2.0
#include "engine/ledger/ledger_entry.h"

#include <cstring>
#include <optional>

#include "ledger_generated.h"

namespace embstore {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr flatbuffers::uoffset_t kMaxVerifyDepth = 4;
constexpr flatbuffers::uoffset_t kMaxVerifyTables = 8;

std::string Text(const flatbuffers::String* text) {
  return text == nullptr ? std::string() : text->str();
}

Offset<flatbuffers::String> Text(FlatBufferBuilder& b, const std::string& text) {
  return text.empty() ? Offset<flatbuffers::String>() : b.CreateString(text);
}

std::vector<std::uint64_t> Keys(const flatbuffers::Vector<std::uint64_t>* keys) {
  if (keys == nullptr) return {};
  return {keys->begin(), keys->end()};
}

Offset<flatbuffers::Vector<std::uint64_t>> Keys(FlatBufferBuilder& b,
                                                const std::vector<std::uint64_t>& keys) {
  return keys.empty() ? Offset<flatbuffers::Vector<std::uint64_t>>() : b.CreateVector(keys);
}

// One Write and one Read an entry. Read answers false for a value that this version does not know.

Offset<void> Write(FlatBufferBuilder& b, const RequestEntry& e) {
  const RequestIntent& i = e.intent;
  const auto split = Text(b, i.split);
  const auto model = Text(b, i.model);
  const auto keys = Keys(b, i.keys);
  const auto name = Text(b, i.display_name);
  const auto provider = Text(b, i.provider);
  return ledger_fb::CreateRequestEntry(b, e.request, i.run, split, model, i.space.value, i.batch,
                                       i.tokens, i.price.micro_usd_per_million_tokens, keys,
                                       i.micros, name, i.input_bytes, i.input_digest, provider)
      .Union();
}

bool Read(const ledger_fb::RequestEntry& t, RequestEntry* e) {
  *e = {t.request(),
        {t.run(),
         Text(t.split()),
         Text(t.model()),
         Text(t.provider()),
         {t.space()},
         t.batch(),
         t.tokens(),
         {t.micro_usd_per_million_tokens()},
         Keys(t.keys()),
         t.micros(),
         Text(t.display_name()),
         t.input_bytes(),
         t.input_digest()}};
  return true;
}

Offset<void> Write(FlatBufferBuilder& b, const CommitEntry& e) {
  std::vector<ledger_fb::Share> shares;
  for (const CommitShare& s : e.shares) {
    shares.emplace_back(s.request, s.tokens, s.estimated_tokens, s.texts, s.reported, s.last);
  }
  const auto written = shares.empty() ? Offset<flatbuffers::Vector<const ledger_fb::Share*>>()
                                      : b.CreateVectorOfStructs(shares);
  return ledger_fb::CreateCommitEntry(b, e.number, written).Union();
}

bool Read(const ledger_fb::CommitEntry& t, CommitEntry* e) {
  e->number = t.number();
  if (t.shares() == nullptr) return true;
  for (flatbuffers::uoffset_t i = 0; i < t.shares()->size(); ++i) {
    ledger_fb::Share
        s;  // A copy: the verifier does not see to the alignment of structs in a vector.
    std::memcpy(&s, t.shares()->Data() + i * sizeof s, sizeof s);
    e->shares.push_back(
        {s.request(), s.texts(), s.tokens(), s.estimated_tokens(), s.reported(), s.last()});
  }
  return true;
}

Offset<void> Write(FlatBufferBuilder& b, const Ending& e) {
  const auto not_stored = Keys(b, e.not_stored);
  const auto reason = Text(b, e.reason);
  return ledger_fb::CreateEndingEntry(b, e.request, static_cast<std::uint8_t>(e.end), e.tokens,
                                      not_stored, reason, e.micros, e.texts)
      .Union();
}

bool Read(const ledger_fb::EndingEntry& t, Ending* e) {
  if (t.end() > static_cast<std::uint8_t>(RequestEnd::kAbandoned)) return false;
  *e = {t.request(),
        static_cast<RequestEnd>(t.end()),
        t.tokens(),
        t.texts(),
        Keys(t.not_stored()),
        Text(t.reason()),
        t.micros()};
  return true;
}

Offset<void> Write(FlatBufferBuilder& b, const JobChange& e) {
  const auto name = Text(b, e.name);
  const auto input_file = Text(b, e.input_file);
  const auto result_file = Text(b, e.result_file);
  const auto state = Text(b, e.state);
  const auto note = Text(b, e.note);
  return ledger_fb::CreateJobEntry(b, e.request, static_cast<std::uint8_t>(e.step), name,
                                   input_file, result_file, state, note, e.micros)
      .Union();
}

bool Read(const ledger_fb::JobEntry& t, JobChange* e) {
  if (t.step() > static_cast<std::uint8_t>(JobStep::kEnded)) return false;
  *e = {t.request(),           static_cast<JobStep>(t.step()),
        Text(t.name()),        Text(t.input_file()),
        Text(t.result_file()), Text(t.state()),
        Text(t.note()),        t.micros()};
  return true;
}

Offset<void> Write(FlatBufferBuilder& b, const Removal& e) {
  return ledger_fb::CreateDropEntry(b, e.space.value, Keys(b, e.keys), e.micros).Union();
}

bool Read(const ledger_fb::DropEntry& t, Removal* e) {
  *e = {{t.space()}, Keys(t.keys()), t.micros()};
  return true;
}

template <typename Table, typename Entry>
Result<LedgerEntry> Decode(std::span<const std::uint8_t> payload) {
  flatbuffers::Verifier verifier(payload.data(), payload.size(), kMaxVerifyDepth, kMaxVerifyTables);
  if (!verifier.VerifyBuffer<Table>(nullptr)) {
    return Status(Code::kCorruption, "an entry is not what its kind says");
  }
  Entry entry;
  if (!Read(*flatbuffers::GetRoot<Table>(payload.data()), &entry)) {
    return Status(Code::kIncompatible, "an entry holds a value that this version does not know");
  }
  return LedgerEntry(std::move(entry));
}

}  // namespace

std::uint32_t KindOf(const LedgerEntry& entry) {
  return static_cast<std::uint32_t>(entry.index()) + 1;
}

std::string EncodePayload(const LedgerEntry& entry) {
  FlatBufferBuilder builder;
  builder.Finish(std::visit([&](const auto& e) { return Write(builder, e); }, entry));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

Result<LedgerEntry> DecodePayload(std::uint32_t kind, std::span<const std::uint8_t> payload) {
  switch (kind) {
    case 1:
      return Decode<ledger_fb::RequestEntry, RequestEntry>(payload);
    case 2:
      return Decode<ledger_fb::CommitEntry, CommitEntry>(payload);
    case 3:
      return Decode<ledger_fb::EndingEntry, Ending>(payload);
    case 4:
      return Decode<ledger_fb::JobEntry, JobChange>(payload);
    case 5:
      return Decode<ledger_fb::DropEntry, Removal>(payload);
    default:
      return Status(Code::kIncompatible,
                    "an entry is of kind " + std::to_string(kind) + ", which is not known here");
  }
}

}  // namespace embstore
