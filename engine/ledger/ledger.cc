// SPDX-License-Identifier: Apache-2.0
#include "engine/ledger/ledger.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "embstore/clock.h"
#include "engine/base/seeded_bug.h"
#include "engine/base/text.h"
#include "engine/ledger/ledger_book.h"
#include "engine/ledger/ledger_entry.h"
#include "engine/ledger/ledger_file.h"
#include "engine/ledger/ledger_reader.h"

namespace embstore {
namespace {

constexpr const char* kPutBack =
    "'embstore recover' says what it can bring back without paying. Else put back the newest copy "
    "of the whole cache directory or, to begin anew and pay again, move it away";
constexpr const char* kOrphanReason = "the process ended before the answer was stored";

/// `problem` with the file, the place and what to do.
Status At(const LedgerFile& file, std::uint64_t offset, const Status& problem) {
  const bool damaged = problem.code() == Code::kCorruption;
  return {problem.code(), "the ledger '" + file.path().string() + "' " +
                              (damaged ? "is damaged" : "belongs to a newer version") +
                              " at byte " + std::to_string(offset) + ": " + problem.message() +
                              "; nothing was changed. " +
                              (damaged ? kPutBack : "Use the version that wrote it")};
}

using TakeHeader = std::function<Status(const LedgerHeader&)>;
using TakeEntry = std::function<Status(LedgerEntry&&)>;

/// Hands out the header and every good entry of the first `end` bytes. Answers where they end.
Result<std::uint64_t> ReadLedger(const LedgerFile& file, std::uint64_t end,
                                 const TakeHeader& take_header, const TakeEntry& take_entry) {
  LedgerReader reader(file.descriptor(), end);
  const auto header = reader.ReadHeader();
  if (!header.ok()) return At(file, 0, header.status());
  if (Status taken = take_header(*header); !taken.ok()) return taken;
  LedgerFrame frame;
  for (;;) {
    const auto more = reader.Next(&frame);
    if (!more.ok()) return At(file, reader.offset(), more.status());
    if (!*more) return reader.offset();
    auto entry = DecodePayload(frame.kind, frame.payload);
    const Status taken = entry.ok() ? take_entry(std::move(*entry)) : entry.status();
    if (!taken.ok()) return At(file, frame.offset, taken);
  }
}

}  // namespace

/// Follows requests through the file to see which of the wanted texts were bought.
class Ledger::BoughtSearch {
 public:
  /// `wanted`: sorted; none: all texts.
  BoughtSearch(SpaceId space, std::optional<std::span<const std::uint64_t>> wanted)
      : space_(space), wanted_(wanted) {}

  void Take(const LedgerEntry& entry) {
    if (const auto* request = std::get_if<RequestEntry>(&entry)) {
      Begin(*request);
    } else if (const auto* commit = std::get_if<CommitEntry>(&entry)) {
      for (const CommitShare& share : commit->shares) {
        if (share.last) End(share.request, RequestEnd::kStored, {});
      }
    } else if (const auto* ending = std::get_if<Ending>(&entry)) {
      End(ending->request, ending->end, ending->not_stored);
    } else if (const auto* removal = std::get_if<Removal>(&entry)) {
      if (removal->space != space_) return;
      for (const std::uint64_t key : removal->keys) bought_.erase(key);
    }
  }

  std::vector<std::uint64_t> Finish() const {
    std::vector<std::uint64_t> bought(bought_.begin(), bought_.end());
    std::sort(bought.begin(), bought.end());
    return bought;
  }

 private:
  void Begin(const RequestEntry& entry) {
    if (entry.intent.space != space_) return;
    std::vector<std::uint64_t> matches;
    for (const std::uint64_t key : entry.intent.keys) {
      if (!wanted_ || std::binary_search(wanted_->begin(), wanted_->end(), key)) {
        matches.push_back(key);
      }
    }
    if (!matches.empty()) open_.emplace(entry.request, std::move(matches));
  }

  void End(std::uint64_t request, RequestEnd end, const std::vector<std::uint64_t>& not_stored) {
    const auto node = open_.extract(request);
    if (node.empty() || end != RequestEnd::kStored) return;
    const std::set<std::uint64_t> left_out(not_stored.begin(), not_stored.end());
    for (const std::uint64_t key : node.mapped()) {
      if (!left_out.contains(key)) bought_.insert(key);
    }
  }

  SpaceId space_;
  std::optional<std::span<const std::uint64_t>> wanted_;
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> open_;
  std::unordered_set<std::uint64_t> bought_;
};

struct Ledger::State {
  std::unique_ptr<LedgerFile> file;
  mutable std::mutex mutex;  // Guards the rest, and writing to the file.
  std::optional<LedgerBook> book;
  std::uint64_t last_request_at_open = 0;
  std::uint64_t entries = 0;

  /// Checks, writes, then believes.
  Status Add(LedgerEntry entry, bool durable) {
    if (Status possible = book->Check(entry); !possible.ok()) {
      return possible.Prefixed("the ledger refuses an entry");
    }
    if (Status written = file->Append(entry, durable); !written.ok()) return written;
    book->Apply(std::move(entry));
    ++entries;
    return {};
  }
};

Ledger::Ledger(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ledger::~Ledger() = default;

Status Ledger::Create(const std::filesystem::path& path, std::string_view store_id,
                      const LedgerPosition& position) {
  return LedgerFile::Create(path, {std::string(store_id), position, SystemClock().WallMicros()});
}

Result<std::unique_ptr<Ledger>> Ledger::Open(const std::filesystem::path& path,
                                             std::string_view store_id, bool read_only) {
  auto file = LedgerFile::Open(path, read_only);
  if (!file.ok()) return file.status();
  auto state = std::make_unique<State>();
  const auto take_header = [&](const LedgerHeader& header) -> Status {
    state->book.emplace(header.start);
    if (store_id.empty() || header.store_id == store_id) return {};
    return {Code::kIncompatible, "the ledger '" + path.string() + "' belongs to another store (" +
                                     header.store_id + " instead of " + Printable(store_id) +
                                     "); nothing was changed. " + kPutBack};
  };
  const auto take_entry = [&](LedgerEntry&& entry) -> Status {
    if (Status possible = state->book->Check(entry); !possible.ok()) {
      return {Code::kCorruption, possible.message()};
    }
    state->book->Apply(std::move(entry));
    ++state->entries;
    return {};
  };
  const auto end = ReadLedger(**file, (*file)->end(), take_header, take_entry);
  if (!end.ok()) return end.status();
  if (*end != (*file)->end()) {
    if (Status cut = (*file)->CutTo(*end); !cut.ok()) return cut;
  }
  state->file = *std::move(file);
  state->last_request_at_open = state->book->last_request();
  return std::unique_ptr<Ledger>(new Ledger(std::move(state)));
}

LedgerPosition Ledger::position() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->book->position();
}

std::uint64_t Ledger::TextsAfterCommit(std::uint64_t commit) const {
  const std::scoped_lock lock(state_->mutex);
  return state_->book->TextsAfterCommit(commit);
}

Result<std::uint64_t> Ledger::Begin(const RequestIntent& intent) {
  const std::scoped_lock lock(state_->mutex);
  const std::uint64_t request = state_->book->last_request() + 1;
  if (Status added =
          state_->Add(RequestEntry{request, intent}, !EMBSTORE_SEEDED_BUG("no-intent-sync"));
      !added.ok())
    return added;
  return request;
}

Status Ledger::AddCommit(std::uint64_t number, std::span<const CommitShare> shares) {
  const std::scoped_lock lock(state_->mutex);
  return state_->Add(CommitEntry{number, {shares.begin(), shares.end()}}, !shares.empty());
}

Status Ledger::End(const Ending& ending) {
  const std::scoped_lock lock(state_->mutex);
  return state_->Add(ending, false);
}

Status Ledger::EndOrphans(std::int64_t micros) {
  const std::scoped_lock lock(state_->mutex);
  for (const std::uint64_t request : state_->book->Orphans(state_->last_request_at_open)) {
    const Ending ending{request, RequestEnd::kInDoubt, 0, 0, {}, kOrphanReason, micros};
    if (Status added = state_->Add(ending, false); !added.ok()) return added;
  }
  return state_->file->Sync();
}

Status Ledger::ChangeJob(const JobChange& change) {
  const std::scoped_lock lock(state_->mutex);
  return state_->Add(change, true);
}

Status Ledger::Remove(const Removal& removal) {
  const std::scoped_lock lock(state_->mutex);
  return state_->Add(removal, true);
}

Status Ledger::Sync() {
  const std::scoped_lock lock(state_->mutex);
  return state_->file->Sync();
}

std::vector<SpendRecord> Ledger::Spending() const {
  std::unique_lock lock(state_->mutex, std::defer_lock);
  if (!EMBSTORE_SEEDED_BUG("race-of-ledger")) lock.lock();
  return state_->book->Spending();
}

std::vector<DoubtRecord> Ledger::Doubts() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->book->Doubts();
}

std::vector<JobRecord> Ledger::Jobs() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->book->Jobs();
}

std::vector<std::uint64_t> Ledger::KeysOf(std::uint64_t request) const {
  const std::scoped_lock lock(state_->mutex);
  return state_->book->KeysOf(request);
}

std::vector<std::uint64_t> Ledger::KeysInDoubt(SpaceId space) const {
  const std::scoped_lock lock(state_->mutex);
  return state_->book->KeysInDoubt(space);
}

std::size_t Ledger::CountLaterDoubts(std::uint64_t request) const {
  const std::scoped_lock lock(state_->mutex);
  return state_->book->CountLaterDoubts(request);
}

Result<std::vector<std::uint64_t>> Ledger::Search(BoughtSearch search) const {
  std::uint64_t end = 0;
  {
    const std::scoped_lock lock(state_->mutex);
    end = state_->file->end();
  }
  const auto read = ReadLedger(
      *state_->file, end, [](const LedgerHeader&) { return Status(); },
      [&](const LedgerEntry& entry) {
        search.Take(entry);
        return Status();
      });
  if (!read.ok()) return read.status();
  return search.Finish();
}

Result<std::vector<std::uint64_t>> Ledger::FindBought(SpaceId space,
                                                      std::span<const std::uint64_t> keys) const {
  return Search(BoughtSearch(space, keys));
}

Result<std::vector<std::uint64_t>> Ledger::AllBought(SpaceId space) const {
  return Search(BoughtSearch(space, std::nullopt));
}

std::uint64_t Ledger::CountEntries() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->entries;
}

}  // namespace embstore
