// SPDX-License-Identifier: Apache-2.0
// Batch jobs from texts to stored vectors. Every step is written down in the ledger before or after
// it is taken, so that a run that dies at any point is gone on with by the next one, without a
// second job for the same texts.
//
//   planned --upload--> uploaded --(creating)--> created --poll, download, store--> ended
//                          ^            |           |
//                 surely refused        |      quarantined (a person decides)
//                                 no job found in the grace time: in doubt, its texts go out anew
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "embstore/batch.h"
#include "embstore/clock.h"
#include "embstore/ingest.h"
#include "embstore/provider.h"
#include "embstore/spending.h"
#include "embstore/status.h"
#include "engine/ingest/job_collector.h"
#include "engine/ingest/spend_gate.h"

namespace embstore {

/// A text that has no vector after a job.
struct FailedJobText {
  JobText text;
  Status reason;
  std::uint32_t round = 1;  ///< How often it was sent.
  bool own = true;          ///< By a job of this run.
};

/// What jobs brought since the last look.
struct JobsProgress {
  std::uint64_t stored = 0;
  std::uint64_t tokens = 0;
  bool tokens_estimated = false;
  std::uint64_t created = 0;  ///< Paid calls.
  std::uint64_t ended = 0;    ///< Jobs that are settled.
  std::uint64_t ended_without_result = 0;
  std::uint64_t quarantined = 0;
  Status
      set_aside;  ///< Of the first job that is left as it is, because a person has to look at it.
  std::vector<FailedJobText> failed;
};

/// Whether the same call may go through later.
bool IsTransient(Code code);

/// Whether a job has failed or expired and left no result, which is not billed. Errors are those of
/// the server.
Result<bool> CostsNothing(BatchApi* api, const RemoteJob& remote);

struct UnknownFilesCheck {
  const std::filesystem::path& directory;
  std::string_view store_id;
  BatchApi* api;  ///< Null: the server is not asked.
  Clock& clock;
  const IngestOptions& options;  ///< A server that does not answer is asked again.
};
/// Looks at files of jobs that `all`, the jobs of the ledger, do not contain. An input file may be
/// the remains of a run that died before it wrote its job down, unless the server has the job; an
/// answer cannot. A job that costs nothing does not count. kCorruption: the ledger has lost
/// entries. kCancelled: stopped while the server did not answer.
Status CheckUnknownFiles(const UnknownFilesCheck& check, std::span<const JobRecord> all);

/// Not thread-safe; one thread at a time.
class JobRunner {
 public:
  /// What the runner works with; everything outlives it.
  struct Context {
    StoreWriter& writer;
    const std::filesystem::path& directory;
    const std::string& store_id;
    Provider& provider;
    SpendGate& gate;
    Clock& clock;
    IngestObserver& observer;
    const IngestOptions& options;
    /// Makes what a job brought durable; adds what the runner does not know.
    std::function<Status(const JobRecord&, Commit)> commit;
  };
  explicit JobRunner(Context context);

  /// Takes over the open jobs of the gate's space that the ledger knows; answers how many.
  /// kCorruption: the server has a job that the ledger has lost.
  Result<std::size_t> Adopt();

  /// Whether a job with so many tokens may join those under way.
  bool HasRoom(std::uint64_t tokens) const;

  /// Writes a new job down; Work() does the rest. `tokens` is the estimate for all texts.
  /// kBudgetReached: nothing was begun.
  Status Plan(std::span<const std::string> texts, std::span<const TextKey> keys,
              std::uint64_t tokens, std::uint32_t round);

  /// Takes every step that is due by now. An error ends the run; the jobs stay as they are.
  Status Work();

  /// When Work has something to do next, on the monotonic clock.
  std::chrono::nanoseconds NextDue() const;

  std::size_t active() const { return jobs_.size(); }
  /// No job has a step to take other than waiting for the server.
  bool AllSubmitted() const;

  /// What happened since the last call.
  JobsProgress TakeProgress() { return std::exchange(progress_, {}); }

 private:
  // Failures in a row, over growing waits, after which the run ends. The jobs go on.
  static constexpr std::uint32_t kMaxFailures = 10;

  struct Job {
    JobRecord record;
    std::uint32_t round = 1;
    std::chrono::nanoseconds due{0};
    std::chrono::milliseconds wait{0};
    std::uint32_t failures = 0;  // In a row, of the step at hand.
    std::uint32_t expired_inputs = 0;
    std::uint32_t refusals = 0;
    std::uint32_t failed_downloads = 0;
    std::chrono::nanoseconds creating_since{-1};
    bool waits_for_room = false;
    bool own = false;            // Begun by this runner.
    bool maybe_made = false;     // Of a run that may have come further than the ledger says.
    bool fetched = false;        // The result file was downloaded by this runner.
    bool fetched_again = false;  // A second time, for the first one did not fit.
    std::chrono::nanoseconds reminded{-1};
    bool done = false;
  };

  // Steps (job_steps.cc).
  Status Step(Job* job);
  Status Upload(Job* job);
  Status Create(Job* job);
  /// Ends the jobs that the server has not been asked for.
  Status EndUnsent();
  Status FindCreated(Job* job);
  Status FindUnsent(Job* job);
  /// All jobs of the server that have the name of this one.
  Result<std::vector<RemoteJob>> FindOnServer(const Job& job);
  Status TakeFound(Job* job, std::vector<RemoteJob> found);
  Status Poll(Job* job);
  Status Collect(Job* job);
  Status Download(Job* job);
  Status EndWithoutResult(Job* job, RequestEnd end);
  Status Finish(Job* job, Ending ending, std::vector<FailedJobText> failed);
  Status Hold(Job* job, const std::string& why);
  Status RefusedForRoom(Job* job, const Status& status);

  /// Leaves the job as it is; the others go on.
  Status SetAside(Job* job, const Status& why);

  /// Waits and tries again, or answers `status` when that was done often enough in a row.
  Status Retry(Job* job, const Status& status, const char* what,
               std::uint32_t max_failures = kMaxFailures);
  Status Change(Job* job, JobStep step, JobChange change = {});
  void DeleteRemoteFiles(const Job& job);
  /// The next step is taken after a wait that grows by half each time up to `most`, but is never
  /// shorter than `least`.
  void Later(Job* job, std::chrono::milliseconds least, std::chrono::milliseconds most);
  /// Says once an hour what a job waits for.
  void Remind(Job* job, const std::string& what);
  void Soon(Job* job);
  void WakeWaiting();
  std::string Name(const Job& job) const;

  Context context_;
  BatchApi& api_;
  std::list<Job> jobs_;
  JobsProgress progress_;
};

}  // namespace embstore
