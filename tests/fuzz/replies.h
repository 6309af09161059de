// SPDX-License-Identifier: Apache-2.0
// Calls and answers of servers, for the targets of providers.
#pragma once

#include "engine/http/transport.h"
#include "engine/provider/embedding_values.h"
#include "tests/fuzz/fuzzing.h"

namespace embstore::fuzz {

inline constexpr std::uint32_t kDimensions = 3;

inline EmbeddingCall CallFor(std::size_t texts) {
  EmbeddingCall call;
  call.host = "example.com";
  call.model = "example-model";
  call.key = &Key();
  call.texts = texts;
  call.dimensions = kDimensions;
  return call;
}

inline constexpr int kStatuses[] = {200, 200, 200, 400, 401, 403, 404, 408,
                                    413, 429, 500, 503, 504, 204, 302, 999};

/// First byte: the status and the number of texts.
inline HttpResponse TakeResponse(Input* input, std::size_t* texts) {
  const auto first = input->Take();
  *texts = 1 + (first >> 4) % 3;
  HttpResponse response;
  response.status = kStatuses[first & 0x0F];
  response.content_type = "application/json";
  response.body = input->rest();
  return response;
}

inline void CheckWaits(const Backoff& backoff) {
  FUZZ_CHECK(backoff.retry_after.count() >= 0);
  FUZZ_CHECK(backoff.retry_after <= std::chrono::hours(24));
}

/// An error of a paid call.
inline void CheckPaidError(const Status& status) {
  CheckKeyless(status);
  CheckWaits(status.backoff());
  FUZZ_CHECK(status.code() != Code::kInternal && status.code() != Code::kCorruption);
}

}  // namespace embstore::fuzz
