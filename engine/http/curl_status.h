// SPDX-License-Identifier: Apache-2.0
// What an error of libcurl means for the caller. The only place that knows its error numbers.
#pragma once

#include <string>
#include <string_view>

#include "embstore/status.h"
#include "engine/http/reply.h"

namespace embstore {

/// What is known about a transfer that failed.
struct TransferFacts {
  int curl_code = 0;            ///< A CURLcode; 0 when libcurl had no complaint.
  std::string_view detail;      ///< libcurl's own words, or "".
  std::string_view host;        ///< For the message.
  bool request_begun = false;   ///< Some byte of the request may have reached the server.
  bool repeatable = false;      ///< See HttpRequest.
  bool resend_stopped = false;  ///< libcurl wanted to send the request a second time.
  ReplyFault reply_fault = ReplyFault::kNone;
  Status sink_error;  ///< Not ok when `reply_fault` is kSink.
};

/// Never success. See HttpTransport::Send for the codes.
Status TransferError(const TransferFacts& facts);

}  // namespace embstore
