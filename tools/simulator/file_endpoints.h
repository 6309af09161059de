// SPDX-License-Identifier: Apache-2.0
// The files: resumable upload, get, list, delete.
#pragma once

#include <string_view>

#include "tools/simulator/core.h"
#include "tools/simulator/file_store.h"
#include "tools/simulator/http_message.h"

namespace embstore::simulator {

/// Safe for concurrent use. Throws ApiError for calls the service refuses.
class FileEndpoints {
 public:
  /// `core` and `files` must live longer.
  FileEndpoints(Core* core, FileStore* files) : core_(core), files_(files) {}

  /// True for the call that begins an upload, which needs a key; its other calls need the address
  /// only, that nobody else knows.
  static bool BeginsUpload(const HttpRequest& request);

  HttpReply BeginUpload(const HttpRequest& request);
  HttpReply ContinueUpload(const HttpRequest& request);

  HttpReply Get(std::string_view id);
  HttpReply List(const HttpRequest& request);
  HttpReply Delete(std::string_view id);

 private:
  HttpReply Receive(const HttpRequest& request, Upload* upload);
  HttpReply Finalize(Upload* upload);

  Core* core_;
  FileStore* files_;
};

}  // namespace embstore::simulator
