// SPDX-License-Identifier: Apache-2.0
// Collects one HTTP answer from a server that is not trusted: bounded, decoded, complete.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/http/transport.h"

namespace embstore {

/// Why an answer was refused while it came in.
enum class ReplyFault {
  kNone,
  kHeadersTooLarge,
  kBodyTooLarge,
  kBadEncoding,  ///< An encoding that was not asked for.
  kBadGzip,
  kContradiction,  ///< Two different Content-Length headers.
  kIncomplete,     ///< Ended inside the headers or inside the gzip data; libcurl says nothing then.
  kSink,           ///< The sink refused a piece, see sink_error().
};

/// What of an answer is wanted, and where it goes. A view; valid as long as what it points to.
struct ReplyWants {
  std::uint64_t max_body_bytes = 0;      ///< With a sink 0 is no bound on what it gets.
  std::span<const std::string> headers;  ///< Lower-case names.
  const std::function<Status(std::string_view)>* sink = nullptr;  ///< Null: the body is kept.
};

/// Not thread-safe; one thread at a time.
class ReplyCollector {
 public:
  /// Headers of one answer, those of 1xx answers and trailers included.
  static constexpr std::uint64_t kMaxHeaderBytes = 64 * 1024;

  /// Other bodies than those of a sink, when that has no bound.
  static constexpr std::uint64_t kMaxErrorBytes = 1 << 20;

  explicit ReplyCollector(const ReplyWants& wants);
  ~ReplyCollector();
  ReplyCollector(const ReplyCollector&) = delete;
  ReplyCollector& operator=(const ReplyCollector&) = delete;

  /// One header line with its line end. False: stop the transfer, see fault().
  bool AddHeaderLine(std::string_view line);

  /// Body bytes as they came. False: stop the transfer, see fault().
  bool AddBody(std::string_view bytes);

  /// To be called once the transfer has ended well. False: the answer is not whole, see fault().
  bool Finish();

  ReplyFault fault() const { return fault_; }

  /// What the sink said. REQUIRES: fault() is kSink.
  const Status& sink_error() const { return sink_error_; }

  /// The answer. REQUIRES: Finish() was true.
  HttpResponse Take() { return std::move(response_); }

 private:
  class Inflater;

  bool Fail(ReplyFault fault);
  void BeginAnswer(std::string_view status_line);
  bool AddHeader(std::string_view name, std::string_view value);
  bool EndHeaders();
  bool AppendDecoded(std::string_view bytes);

  const ReplyWants wants_;
  HttpResponse response_;
  std::unique_ptr<Inflater> inflater_;
  std::string encoding_;
  std::string content_length_;
  std::string retry_after_;
  std::string date_;
  std::uint64_t header_bytes_ = 0;
  std::uint64_t max_body_bytes_ = 0;  ///< Of this answer; known when its headers have ended.
  std::uint64_t raw_bytes_ = 0;
  std::uint64_t decoded_bytes_ = 0;
  bool to_sink_ = false;
  bool headers_ended_ = false;
  ReplyFault fault_ = ReplyFault::kNone;
  Status sink_error_;
};

/// The wait that a Retry-After header asks for: seconds, or a date counted from the answer's own
/// Date header, so that the local clock does not matter. Nothing when it cannot be read.
std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view retry_after,
                                                         const std::string& date);

}  // namespace embstore
