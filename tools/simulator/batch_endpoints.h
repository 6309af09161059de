// SPDX-License-Identifier: Apache-2.0
// The batch jobs: create, get, list, cancel, delete, and the download of results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tools/simulator/batch_job.h"
#include "tools/simulator/batch_request.h"
#include "tools/simulator/core.h"
#include "tools/simulator/file_store.h"
#include "tools/simulator/http_message.h"

namespace embstore::simulator {

/// Safe for concurrent use. Throws ApiError for calls the service refuses.
class BatchEndpoints {
 public:
  /// `core` and `files` must live longer.
  BatchEndpoints(Core* core, FileStore* files);

  /// Brings all jobs to the present, and so the books. The endpoints do it by themselves.
  void Advance();

  HttpReply Create(const ModelInfo& model, std::string_view body);
  HttpReply Get(std::string_view id);
  HttpReply List(const HttpRequest& request);
  HttpReply Cancel(std::string_view id);
  HttpReply Delete(std::string_view id);

  /// The content of the file called `file_id`.
  HttpReply Download(std::string_view file_id);

 private:
  std::shared_ptr<const BatchInput> ReadInput(const BatchCreate& create, const ModelInfo& model);
  HttpReply Make(BatchJob::Origin origin);
  void CheckRoom(std::uint64_t tokens) const;
  BatchJob* Find(std::string_view id);
  BatchJob* FindForResults(std::string_view file_id);
  std::vector<nlohmann::ordered_json> Entries(bool count_lists);

  Core* core_;
  FileStore* files_;
  const TimePoint started_;
  std::vector<std::string> foreign_ids_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<BatchJob>> jobs_;  ///< in the order they were made
  std::vector<std::unique_ptr<BatchJob>> deleted_jobs_;
  std::uint64_t jobs_made_ = 0;
};

}  // namespace embstore::simulator
