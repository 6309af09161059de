// SPDX-License-Identifier: Apache-2.0
// The uploaded files of the simulated service, and the uploads under way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/simulator/core.h"
#include "tools/simulator/spool_file.h"

namespace embstore::simulator {

struct StoredFile {
  std::string id;
  std::string display_name;
  std::string mime_type;
  std::string sha256;  ///< hex
  TimePoint created;
  TimePoint expires;
  std::uint64_t number = 0;  ///< counts the files
  std::shared_ptr<const SpoolFile> content;
};

struct Upload {
  std::string file_id;  ///< chosen by the client; "" when it did not
  std::string display_name;
  std::string mime_type;
  std::optional<std::uint64_t> declared_size;
  std::shared_ptr<SpoolFile> content;
  bool finished = false;
  std::mutex mutex;  ///< guards the content and `finished`
};

/// Files live for 48 hours of the clock. Safe for concurrent use.
class FileStore {
 public:
  /// `core` must live longer.
  explicit FileStore(Core* core) : core_(core) {}

  /// Answers the id of the upload.
  std::string StartUpload(std::shared_ptr<Upload> upload);

  /// The upload, or nullptr.
  std::shared_ptr<Upload> FindUpload(std::string_view id);
  void ForgetUpload(std::string_view id);

  /// Makes a file of a complete upload.
  StoredFile Add(const Upload& upload);

  std::optional<StoredFile> Find(std::string_view id);

  /// False when there was none.
  bool Remove(std::string_view id);

  /// The files there are, newest first.
  std::vector<StoredFile> List();

 private:
  void Expire();

  Core* core_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Upload>, std::less<>> uploads_;
  std::map<std::string, StoredFile, std::less<>> files_;
  std::uint64_t files_made_ = 0;
};

}  // namespace embstore::simulator
