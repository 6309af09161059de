// SPDX-License-Identifier: Apache-2.0
// What the headers of an OpenAI-compatible server say about the next request.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "embstore/status.h"
#include "engine/http/transport.h"

namespace embstore {

/// The headers that the functions below read, for HttpRequest::wanted_headers.
std::vector<std::string> OpenAiPaceHeaders();

/// The quotas of requests and tokens, and how long to wait when nothing of one is left: at most a
/// minute, for the time is until the quota is full again and the next refusal says more.
///
/// The headers do not name the period of a limit, which may be a second or a day. A limit counts as
/// one per minute when what was used of it comes back at the pace of a minute; all others are left
/// out.
Backoff ReadOpenAiPace(const HttpResponse& response);

/// retry-after-ms, or else Retry-After; zero when neither is there. At most a day.
std::chrono::milliseconds ReadRetryAfter(const HttpResponse& response);

/// Whether the server asks in x-should-retry not to be asked again.
bool ForbidsRetry(const HttpResponse& response);

}  // namespace embstore
