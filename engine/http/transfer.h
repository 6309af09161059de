// SPDX-License-Identifier: Apache-2.0
// One transfer while it runs: what libcurl reads from and writes to.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <string>
#include <vector>

#include "embstore/status.h"
#include "engine/http/reply.h"
#include "engine/http/settings.h"
#include "engine/http/transport.h"

struct curl_slist;

namespace embstore {

/// The header list of one transfer, which holds a copy of the key; wiped when it goes.
/// Not thread-safe; one thread at a time.
class HeaderList {
 public:
  HeaderList() = default;
  ~HeaderList();
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;

  /// False: no memory.
  bool Add(const std::string& line);
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

/// One Send. Lives on the caller's stack; belongs to the loop thread until `done`.
struct Transfer {
  explicit Transfer(const HttpRequest& r)
      : request(r), reply({r.max_response_bytes, r.wanted_headers, r.sink ? &r.sink : nullptr}) {}

  const HttpRequest& request;
  std::vector<EasySetting> settings;
  HeaderList headers;
  ReplyCollector reply;
  std::array<char, 256> detail{};  // CURL_ERROR_SIZE.
  std::size_t body_sent = 0;
  bool request_begun = false;
  bool resend_stopped = false;

  Status error;  // Of this transfer; an answer when it is success.
  bool done = false;
  std::condition_variable changed;
};

/// Checks the request and makes settings and headers of it.
Status PrepareTransfer(const CurlOptions& options, Transfer* transfer);

/// libcurl's ways into `transfer`, which must not move while they are in use.
EasyHooks HooksOf(Transfer* transfer);

}  // namespace embstore
