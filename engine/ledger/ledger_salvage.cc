// SPDX-License-Identifier: Apache-2.0
#include "engine/ledger/ledger_salvage.h"

#include <algorithm>
#include <cstring>
#include <system_error>

#include "engine/base/file.h"
#include "engine/ledger/ledger_book.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

// A writer never comes near it: two entries a request.
constexpr std::uint64_t kMostLedgerBytes = std::uint64_t{16} << 30;
constexpr const char* kLostReason = "its entries in the ledger could not be read";

__extension__ using Wide = unsigned __int128;

std::uint64_t PartOf(std::uint64_t sum, std::uint64_t part, std::uint64_t whole) {
  return static_cast<std::uint64_t>(Wide{sum} * part / whole);
}

/// The entry at `at`, if one begins there. `*size` is its length in the file.
std::optional<LedgerEntry> EntryAt(std::string_view bytes, std::uint64_t at, std::size_t* size,
                                   bool* is_newer) {
  const std::string_view rest = bytes.substr(at);
  FrameHead head;
  if (rest.size() < kFrameHeadBytes || !DecodeFrameHead(at, rest, &head)) return std::nullopt;
  *size = kFrameHeadBytes + head.payload_bytes + kFrameTailBytes;
  if (head.payload_bytes == 0 || head.payload_bytes % 8 != 0 || *size > rest.size() ||
      !FrameMatches(at, rest.substr(0, *size))) {
    return std::nullopt;
  }
  std::vector<std::uint64_t> aligned(head.payload_bytes / 8);
  std::memcpy(aligned.data(), rest.data() + kFrameHeadBytes, head.payload_bytes);
  auto entry = DecodePayload(
      head.kind, {reinterpret_cast<const std::uint8_t*>(aligned.data()), head.payload_bytes});
  *is_newer |= entry.code() == Code::kIncompatible;
  if (!entry.ok()) return std::nullopt;
  return *std::move(entry);
}

/// Follows requests through entries, and texts from purchase to removal.
class Follower {
 public:
  void operator()(const RequestEntry& entry) { open_[entry.request] = &entry.intent; }
  void operator()(const CommitEntry& entry) {
    for (const CommitShare& share : entry.shares) {
      if (share.last) End(share.request, {});
    }
  }
  void operator()(const Ending& ending) {
    if (ending.end == RequestEnd::kStored) {
      End(ending.request, ending.not_stored);
    } else {
      open_.erase(ending.request);
    }
  }
  void operator()(const JobChange& /*change*/) {}
  void operator()(const Removal& removal) {
    for (const std::uint64_t key : removal.keys) {
      DroppedText& dropped = dropped_[removal.space][key];
      dropped.was_bought |= bought_[removal.space].erase(key) > 0;
      dropped.micros = removal.micros;
    }
  }

  std::map<std::uint64_t, const RequestIntent*>& open() { return open_; }
  std::map<SpaceId, BoughtTexts>& bought() { return bought_; }
  std::map<SpaceId, DroppedTexts>& dropped() { return dropped_; }

 private:
  void End(std::uint64_t request, const std::vector<std::uint64_t>& not_stored) {
    const auto found = open_.find(request);
    if (found == open_.end()) return;
    const RequestIntent& intent = *found->second;
    const std::uint64_t texts = std::max<std::uint64_t>(1, intent.keys.size());
    BoughtTexts& bought = bought_[intent.space];
    for (const std::uint64_t key : intent.keys) {
      if (std::find(not_stored.begin(), not_stored.end(), key) != not_stored.end()) continue;
      bought.insert_or_assign(key, BoughtText{(intent.tokens + texts - 1) / texts, intent.micros});
      dropped_[intent.space].erase(key);
    }
    open_.erase(found);
  }

  std::map<std::uint64_t, const RequestIntent*> open_;
  std::map<SpaceId, BoughtTexts> bought_;
  std::map<SpaceId, DroppedTexts> dropped_;
};

Follower Follow(const std::vector<LedgerEntry>& entries) {
  Follower follower;
  for (const LedgerEntry& entry : entries) std::visit(follower, entry);
  return follower;
}

/// Appends entries as long as they follow those before.
class Rebuilder {
 public:
  Rebuilder(const LedgerPosition& start, const QuarantinedRequests& quarantined,
            std::int64_t micros)
      : book_(start), quarantined_(quarantined), micros_(micros) {}

  void Add(const LedgerEntry& entry) {
    MakeUp(Highest(entry));
    LedgerEntry fitting = entry;
    if (auto* commit = std::get_if<CommitEntry>(&fitting)) LeaveOutShares(commit);
    if (!book_.Check(fitting).ok()) {
      ++rebuilt_.left_out;
      return;
    }
    if (const auto* ending = std::get_if<Ending>(&fitting); ending && LacksShares(*ending)) {
      late_endings_.push_back(*ending);  // Behind the share that is made up for it.
      return;
    }
    Keep(std::move(fitting));
  }

  RebuiltLedger Finish(const Witnesses& witnesses, std::uint64_t floor) {
    if (!quarantined_.empty()) MakeUp(quarantined_.rbegin()->first);
    for (const auto& [request, stored] : made_up_) {
      const RequestEnd end = stored ? RequestEnd::kStored : RequestEnd::kInDoubt;
      const Ending ending{request, end, 0, 0, {}, kLostReason, micros_};
      if (!book_.Check(ending).ok()) continue;
      Keep(ending);
      if (!stored) ++rebuilt_.lost_requests;
    }
    CommitEntry commit{std::max(book_.position().commit, floor) + 1, {}};
    for (const auto& [request, part] : witnesses.stored) AddRest(request, part.texts, &commit);
    for (const Ending& ending : late_endings_) {
      const std::uint64_t keys = book_.KeysOf(ending.request).size();
      AddRest(ending.request, keys - ending.not_stored.size(), &commit);
    }
    for (const WitnessedRequest& request : witnesses.requests) {
      const std::uint64_t number = book_.last_request() + 1;
      Keep(RequestEntry{number, request.intent});
      commit.shares.push_back({number, static_cast<std::uint32_t>(request.intent.keys.size()),
                               request.tokens, request.intent.tokens, false, true});
      rebuilt_.witnessed += request.intent.keys.size();
      rebuilt_.witnessed_cost += CostOf(request.tokens, request.intent.price);
    }
    if (!commit.shares.empty()) Keep(std::move(commit));
    for (const Ending& ending : late_endings_) {
      if (book_.Check(ending).ok()) Keep(ending);
    }
    for (const auto& [request, part] : witnesses.stored) {
      const Ending ending{request,         RequestEnd::kStored, 0,      0,
                          part.not_stored, kLostReason,         micros_};
      if (part.all && book_.Check(ending).ok()) Keep(ending);
    }
    rebuilt_.position = book_.position();
    return std::move(rebuilt_);
  }

 private:
  /// Whether more texts came by what the end says than by the commits that could be read.
  bool LacksShares(const Ending& ending) const {
    return ending.end == RequestEnd::kStored &&
           book_.RestOf(ending.request).texts > ending.not_stored.size();
  }

  /// Of an open request `stored` texts came; no entry says so of some of them.
  void AddRest(std::uint64_t request, std::uint64_t stored, CommitEntry* commit) {
    const SpendRecord::Amount rest = book_.RestOf(request);
    const std::uint64_t missing = book_.KeysOf(request).size() - stored;
    if (rest.texts <= missing) return;
    const std::uint64_t texts = rest.texts - missing;
    const std::uint64_t tokens = PartOf(rest.tokens, texts, rest.texts);
    commit->shares.push_back(
        {request, static_cast<std::uint32_t>(texts), tokens, tokens, false, false});
    rebuilt_.witnessed += texts;
    rebuilt_.estimated += texts;
    rebuilt_.witnessed_cost.nano_usd += static_cast<std::int64_t>(
        PartOf(static_cast<std::uint64_t>(rest.cost.nano_usd), texts, rest.texts));
  }

  /// The highest request that must be known before `entry`.
  static std::uint64_t Highest(const LedgerEntry& entry) {
    if (const auto* request = std::get_if<RequestEntry>(&entry)) return request->request - 1;
    if (const auto* ending = std::get_if<Ending>(&entry)) return ending->request;
    if (const auto* change = std::get_if<JobChange>(&entry)) return change->request;
    std::uint64_t highest = 0;
    if (const auto* commit = std::get_if<CommitEntry>(&entry)) {
      for (const CommitShare& share : commit->shares) highest = std::max(highest, share.request);
    }
    return highest;
  }

  /// Requests that were there and cannot be read: numbers run without gaps.
  void MakeUp(std::uint64_t up_to) {
    while (book_.last_request() < up_to) {
      const std::uint64_t number = book_.last_request() + 1;
      const auto quarantined = quarantined_.find(number);
      if (quarantined != quarantined_.end()) {
        Keep(RequestEntry{number, quarantined->second});
        JobChange change;
        change.request = number;
        change.step = JobStep::kQuarantined;
        change.note = kLostReason;
        change.micros = micros_;
        Keep(std::move(change));
        continue;
      }
      RequestIntent intent;
      intent.micros = micros_;
      Keep(RequestEntry{number, std::move(intent)});
      made_up_.emplace(number, false);
    }
  }

  void LeaveOutShares(CommitEntry* commit) {
    std::erase_if(commit->shares, [&](const CommitShare& share) {
      const auto made_up = made_up_.find(share.request);
      if (made_up == made_up_.end()) {
        return !book_.Check(CommitEntry{commit->number, {share}}).ok();
      }
      made_up->second = true;  // Its texts are for the store to tell, its price nobody knows here.
      return true;
    });
  }

  void Keep(LedgerEntry entry) {
    book_.Apply(LedgerEntry(entry));
    rebuilt_.entries.push_back(std::move(entry));
  }

  LedgerBook book_;
  const QuarantinedRequests& quarantined_;
  const std::int64_t micros_;
  std::vector<Ending> late_endings_;
  std::map<std::uint64_t, bool> made_up_;  // Whether a commit says that it was stored.
  RebuiltLedger rebuilt_;
};

}  // namespace

Result<SalvagedLedger> SalvageLedger(const fs::path& path) {
  SalvagedLedger salvaged;
  const auto bytes = ReadWholeFile(path, kMostLedgerBytes);
  if (bytes.code() == Code::kNotFound) return salvaged;
  if (!bytes.ok()) return bytes.status();
  salvaged.is_there = true;
  const auto header = DecodeLedgerHeader(*bytes);
  if (header.code() == Code::kIncompatible) return header.status();
  if (header.ok()) salvaged.header = *header;
  std::uint64_t at = kLedgerHeaderBytes;
  bool is_newer = false;
  while (at < bytes->size()) {
    std::size_t size = 0;
    auto entry = EntryAt(*bytes, at, &size, &is_newer);
    if (entry) salvaged.entries.push_back(*std::move(entry));
    if (!entry) salvaged.unread_bytes += std::min<std::uint64_t>(8, bytes->size() - at);
    at += entry ? size : 8;
  }
  if (!is_newer) return salvaged;
  return Status(Code::kIncompatible, "the ledger '" + path.string() +
                                         "' belongs to a newer version; nothing was changed. Use "
                                         "the version that wrote it");
}

std::map<SpaceId, BoughtTexts> BoughtIn(const std::vector<LedgerEntry>& entries) {
  return std::move(Follow(entries).bought());
}

std::map<SpaceId, DroppedTexts> DroppedIn(const std::vector<LedgerEntry>& entries) {
  return std::move(Follow(entries).dropped());
}

std::map<std::uint64_t, const RequestIntent*> OpenRequests(
    const std::vector<LedgerEntry>& entries) {
  return std::move(Follow(entries).open());
}

RebuiltLedger RebuildLedger(const std::vector<LedgerEntry>& entries, const LedgerPosition& start,
                            const Witnesses& witnesses, std::uint64_t commit_floor,
                            std::int64_t micros) {
  Rebuilder rebuilder(start, witnesses.quarantined, micros);
  for (const LedgerEntry& entry : entries) rebuilder.Add(entry);
  return rebuilder.Finish(witnesses, commit_floor);
}

Status WriteLedger(const fs::path& path, const LedgerHeader& header,
                   const std::vector<LedgerEntry>& entries) {
  auto file = AtomicFile::Create(path);
  if (!file.ok()) return file.status();
  std::error_code error;
  const fs::path& temporary = (*file)->temporary();
  fs::permissions(temporary, fs::perms::owner_read | fs::perms::owner_write, error);
  if (error) return ErrnoStatus(Code::kWriteFailed, "protect", temporary, error.value());
  Status written = (*file)->Append(EncodeLedgerHeader(header));
  std::uint64_t at = kLedgerHeaderBytes;
  for (const LedgerEntry& entry : entries) {
    const std::string frame = EncodeFrame(at, KindOf(entry), EncodePayload(entry));
    if (written.ok()) written = (*file)->Append(frame);
    at += frame.size();
  }
  return written.ok() ? (*file)->Commit() : written;
}

}  // namespace embstore
