// SPDX-License-Identifier: Apache-2.0
// Batch jobs: many texts in one file, answered within hours, at a lower price.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/status.h"
#include "embstore/visibility.h"

namespace embstore {

enum class BatchState {
  kPending,
  kRunning,
  kSucceeded,
  kFailed,
  kCancelled,
  kExpired,
  kUnknown,  ///< A state of a newer server: not terminal, wait.
};

constexpr bool IsTerminal(BatchState state) {
  return state == BatchState::kSucceeded || state == BatchState::kFailed ||
         state == BatchState::kCancelled || state == BatchState::kExpired;
}

/// A job as the server describes it.
struct RemoteJob {
  std::string name;  ///< The server's own, such as "batches/x".
  std::string display_name;
  BatchState state = BatchState::kUnknown;
  std::string state_text;   ///< As the server spelled it.
  std::string input_file;   ///< Empty: not said.
  std::string result_file;  ///< Empty: not there, or not yet.
  std::string error;        ///< The server's words about a job that failed; printable.
};

/// One line of a job's input.
struct BatchInputRow {
  std::string key;
  std::string text;
};

/// One line of a job's result.
struct BatchResultRow {
  std::string key;
  std::vector<float> vector;  ///< float32 (D) as the model gave it; empty when `error` is set.
  std::optional<std::uint32_t> tokens;  ///< The server's count.
  Status error;                         ///< Not ok: this text got no vector, in the server's words.
};

/// The batch side of a provider. Every call is one attempt that blocks; the caller retries and
/// keeps the order of steps. Errors mean the same as those of Provider::Embed; kNotFound: the
/// server does not know the job or file (any more). Only Create can be kInDoubt. Safe for
/// concurrent use.
class EMBSTORE_API BatchApi {
 public:
  virtual ~BatchApi() = default;

  /// Appends the input line for `text`, '\n' included. `key` comes back with its result.
  virtual void AppendInputRow(std::string_view key, std::string_view text,
                              std::string* out) const = 0;
  /// Reads such a line back. kCorruption: it is none.
  virtual Result<BatchInputRow> ReadInputRow(std::string_view line) const = 0;
  /// Reads a line of a result file. kInvalidReply: it is none, or its vector is not D finite
  /// numbers that are not all zero.
  virtual Result<BatchResultRow> ReadResultRow(std::string_view line) const = 0;

  /// Uploads the file at `path` under `display_name`; answers its name on the server. Costs
  /// nothing, so it may be repeated after any error.
  virtual Result<std::string> Upload(const std::filesystem::path& path,
                                     std::string_view display_name) = 0;

  /// Creates a job. Not idempotent: kInDoubt means that there may be a job now; any other error
  /// means that there is none. kRateLimited: the queue is full, wait for room; the server rarely
  /// says how long. kNotFound: the input file is not on the server any more.
  virtual Result<RemoteJob> Create(std::string_view input_file, std::string_view display_name) = 0;

  /// The job as it stands.
  virtual Result<RemoteJob> Get(std::string_view name) = 0;

  /// Calls `visit` for every job on the server, over all pages, until it answers false. Results
  /// are not part of a list: Get the job for them.
  virtual Status List(const std::function<bool(const RemoteJob&)>& visit) = 0;

  /// Names on the server of uploaded files called `display_name`.
  virtual Result<std::vector<std::string>> FindUploads(std::string_view display_name) = 0;

  /// Gives the bytes of a result file to `sink`, in order, as they come. An error of `sink` ends
  /// it and comes back. Not ok: what the sink got is incomplete.
  virtual Status Download(std::string_view result_file,
                          const std::function<Status(std::string_view)>& sink) = 0;

  /// Asks the server to stop a job. It may be finished all the same, and ok if it has ended before.
  virtual Status Cancel(std::string_view name) = 0;

  /// Removes an uploaded file. Ok also when it is gone already. kInvalidArgument: a result file;
  /// those expire by themselves.
  virtual Status DeleteFile(std::string_view file) = 0;
};

}  // namespace embstore
