// SPDX-License-Identifier: Apache-2.0
// The spend ledger: an append-only file outside the database that knows every paid request before
// it is sent and what became of it. The second witness beside the store. Format: docs/format.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/identity.h"
#include "embstore/money.h"
#include "embstore/spending.h"
#include "embstore/status.h"

namespace embstore {

/// What names a text in the ledger: the first 8 bytes of its fingerprint as a big-endian number.
/// A witness, not a key: two texts may share it, which errs on the side of not paying.
inline std::uint64_t LedgerKey(const TextKey& text) {
  std::uint64_t key = 0;
  for (int i = 0; i < 8; ++i) key = key << 8 | text.fingerprint.bytes[static_cast<std::size_t>(i)];
  return key;
}

/// A paid request before it is sent.
struct RequestIntent {
  std::uint32_t run = 0;
  std::string split;
  std::string model;
  std::string provider;
  SpaceId space;
  bool batch = false;
  std::uint64_t tokens = 0;  ///< Estimated.
  Price price;
  std::vector<std::uint64_t> keys;  ///< LedgerKey of each text.
  std::int64_t micros = 0;          ///< Wall clock; decides the day.
  std::string display_name;         ///< Jobs only, like the next two.
  std::uint64_t input_bytes = 0;
  std::uint64_t input_digest = 0;
};

/// How a request ended.
enum class RequestEnd : std::uint8_t {
  kStored = 0,     ///< Paid; what it brought is in the store, but for Ending::not_stored.
  kNotBilled = 1,  ///< Refused, or never reached the server.
  kWasted = 2,     ///< Paid, and nothing of it could be used.
  kInDoubt = 3,    ///< The answer was lost.
  kAbandoned = 4,  ///< A person gave it up. Counts as in doubt.
};

struct Ending {
  std::uint64_t request = 0;
  RequestEnd end = RequestEnd::kStored;
  /// What is wasted. kWasted: what the request is taken to have cost. kStored: of those texts that
  /// are on the bill and came without a usable vector.
  std::uint64_t tokens = 0;
  std::uint32_t texts = 0;                ///< kStored: how many those are.
  std::vector<std::uint64_t> not_stored;  ///< kStored: LedgerKeys of texts that got no vector.
  std::string reason;
  std::int64_t micros = 0;
};

/// What one commit of the store brought for one request.
struct CommitShare {
  std::uint64_t request = 0;
  std::uint32_t texts = 0;
  std::uint64_t tokens = 0;            ///< As billed: the server's count, else the estimate.
  std::uint64_t estimated_tokens = 0;  ///< The estimate for the same texts.
  bool reported = false;               ///< `tokens` is the server's count.
  bool last = true;  ///< Ends the request as kStored: all its texts have vectors now.
};

/// A change of a job. Empty strings leave what is known. After the end it changes all but the step;
/// before, the step is not kEnded. kQuarantined also makes a synchronous request appear in Jobs().
struct JobChange {
  std::uint64_t request = 0;
  JobStep step = JobStep::kPlanned;
  std::string name;
  std::string input_file;
  std::string result_file;
  std::string state;
  std::string note;
  std::int64_t micros = 0;
};

/// Texts whose vectors are removed from the store on purpose: that these are absent is no loss.
struct Removal {
  SpaceId space;
  std::vector<std::uint64_t> keys;  ///< LedgerKeys.
  std::int64_t micros = 0;
};

/// What the store and the ledger compare when both are opened.
struct LedgerPosition {
  std::uint64_t commit = 0;   ///< Highest commit number of the store that was written down.
  std::uint64_t charges = 0;  ///< Commits with at least one share.
};

/// Safe for concurrent use. One process at a time may write; the directory's lock sees to that.
class Ledger {
 public:
  /// Makes a new ledger file at `path`, durably, which begins behind `position`. kWriteFailed.
  /// kInvalidArgument: something is there. REQUIRES: `store_id` is 32 lower-case hex digits.
  static Status Create(const std::filesystem::path& path, std::string_view store_id,
                       const LedgerPosition& position);

  /// Reads and checks the whole file. When writable, a torn last entry (what a crash leaves of a
  /// write that was never acknowledged) is cut off; when read-only, it is left out. What a process
  /// left open when it died is under way until EndOrphans. kNotFound: no such file. kCorruption: an
  /// entry is damaged; says at which byte. kIncompatible: a newer version's, or another store's
  /// (`store_id` empty: not compared). kInvalidArgument: no regular file, or it may not be read.
  /// kWriteFailed: it may not be written.
  static Result<std::unique_ptr<Ledger>> Open(const std::filesystem::path& path,
                                              std::string_view store_id, bool read_only);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// Ends as kInDoubt, durably, what was open when the ledger was opened, but for batch jobs and
  /// quarantined answers. The writer calls it once, after AddCommit of a commit that the ledger had
  /// missed and before the first Begin.
  Status EndOrphans(std::int64_t micros);

  LedgerPosition position() const;

  /// Texts of commits with a number above `commit`: what a store at `commit` has lost.
  std::uint64_t TextsAfterCommit(std::uint64_t commit) const;

  /// Writes down a request; durable when it returns. Answers its number, from 1. Send only after
  /// this was ok. After any failed write every later write fails too: reopen the store.
  Result<std::uint64_t> Begin(const RequestIntent& intent);

  /// Writes down commit `number` of the store and what it brought. Durable when it returns if there
  /// are shares. REQUIRES: number above position().commit.
  Status AddCommit(std::uint64_t number, std::span<const CommitShare> shares);

  /// Ends a request without a commit: one that failed, or a job whose shares have all come, none of
  /// them as the last. Durable with the next entry. kInternal: it is not open; nothing was written.
  Status End(const Ending& ending);

  /// Durable when it returns.
  Status ChangeJob(const JobChange& change);

  /// Writes down what is about to be removed; durable when it returns. Remove only after this was
  /// ok: then the store may hold more than the ledger asks for, never less.
  Status Remove(const Removal& removal);

  /// Makes everything durable.
  Status Sync();

  /// Sums by (day, run, split, model, batch), in that order.
  std::vector<SpendRecord> Spending() const;
  std::vector<DoubtRecord> Doubts() const;
  /// All batch jobs and quarantined requests, ended ones too, by id.
  std::vector<JobRecord> Jobs() const;

  /// LedgerKeys of a job or an open request; empty: no such request, or it has ended.
  std::vector<std::uint64_t> KeysOf(std::uint64_t request) const;
  /// Sorted LedgerKeys of all texts of requests of `space` in doubt, but for those that a person
  /// gave up: these may be sent again.
  std::vector<std::uint64_t> KeysInDoubt(SpaceId space) const;
  /// How many requests in doubt began after the open request `request` for the very same texts.
  std::size_t CountLaterDoubts(std::uint64_t request) const;

  /// Which of `keys` (sorted) were paid for and stored in `space`, and not removed on purpose
  /// since. Sorted. Reads the file again.
  Result<std::vector<std::uint64_t>> FindBought(SpaceId space,
                                                std::span<const std::uint64_t> keys) const;
  /// The same for all keys there are: what a whole store must have.
  Result<std::vector<std::uint64_t>> AllBought(SpaceId space) const;

  std::uint64_t CountEntries() const;

 private:
  struct State;
  class BoughtSearch;
  Result<std::vector<std::uint64_t>> Search(BoughtSearch search) const;
  explicit Ledger(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace embstore
