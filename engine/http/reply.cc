// SPDX-License-Identifier: Apache-2.0
#include "engine/http/reply.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>

#include "engine/base/seeded_bug.h"
#include "engine/http/curl.h"

namespace embstore {
namespace {

constexpr double kMaxRetryAfterSeconds = 86'400;
constexpr std::uint64_t kNoBound = std::numeric_limits<std::uint64_t>::max();

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// "HTTP/1.1 200 OK" -> 200; 0 when there is no such number.
int ParseStatusLine(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return 0;
  int status = 0;
  std::from_chars(line.data() + space + 1, line.data() + line.size(), status);
  return status >= 100 && status <= 999 ? status : 0;
}

}  // namespace

// libcurl could decode gzip too, but it takes a cut stream for a whole one.
class ReplyCollector::Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK; }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ended() const { return ended_; }

  /// Decodes `bytes`. False when they are no gzip data, or when `take` refused a piece.
  template <typename Take>
  bool Add(std::string_view bytes, Take take) {
    std::array<char, 64 * 1024> piece;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    bool more = true;
    while (more) {
      if (!ready_ || ended_) return stream_.avail_in == 0;
      stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_.avail_out = static_cast<uInt>(piece.size());
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code == Z_BUF_ERROR) return true;
      if (code != Z_OK && code != Z_STREAM_END) return false;
      if (!take(std::string_view(piece.data(), piece.size() - stream_.avail_out))) return false;
      ended_ = code == Z_STREAM_END;
      more = stream_.avail_in > 0 || stream_.avail_out == 0;
    }
    return true;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool ended_ = false;
};

ReplyCollector::ReplyCollector(const ReplyWants& wants) : wants_(wants) {}
ReplyCollector::~ReplyCollector() = default;

bool ReplyCollector::Fail(ReplyFault fault) {
  if (fault_ == ReplyFault::kNone) fault_ = fault;
  return false;
}

void ReplyCollector::BeginAnswer(std::string_view status_line) {
  response_ = HttpResponse();
  response_.status = ParseStatusLine(status_line);
  encoding_.clear();
  content_length_.clear();
  retry_after_.clear();
  date_.clear();
  headers_ended_ = false;
}

bool ReplyCollector::AddHeaderLine(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMaxHeaderBytes) return Fail(ReplyFault::kHeadersTooLarge);
  const bool interim = response_.status < 200;
  if (headers_ended_ && !interim) return true;  // A trailer.
  if (line.starts_with("HTTP/")) {
    BeginAnswer(line);
    return true;
  }
  if (Trim(line).empty()) {
    headers_ended_ = true;
    return interim || EndHeaders();
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  return AddHeader(Lower(line.substr(0, colon)), Trim(line.substr(colon + 1)));
}

bool ReplyCollector::AddHeader(std::string_view name, std::string_view value) {
  if (name == "content-type") response_.content_type = value;
  if (name == "location") response_.location = value;
  if (name == "content-encoding") encoding_ = Lower(value);
  if (name == "retry-after") retry_after_ = value;
  if (name == "date") date_ = value;
  if (std::find(wants_.headers.begin(), wants_.headers.end(), name) != wants_.headers.end()) {
    response_.headers.emplace_back(name, value);
  }
  if (name == "content-length") {
    if (!content_length_.empty() && content_length_ != value) {
      return Fail(ReplyFault::kContradiction);
    }
    content_length_ = value;
  }
  return true;
}

bool ReplyCollector::EndHeaders() {
  to_sink_ = wants_.sink != nullptr && response_.status < 300;
  max_body_bytes_ = wants_.max_body_bytes;
  if (wants_.sink != nullptr && max_body_bytes_ == 0) {
    max_body_bytes_ = to_sink_ ? kNoBound : kMaxErrorBytes;
  }
  if (encoding_ == "gzip" || encoding_ == "x-gzip") {
    inflater_ = std::make_unique<Inflater>();
  } else if (!encoding_.empty() && encoding_ != "identity") {
    return Fail(ReplyFault::kBadEncoding);
  }
  response_.retry_after = ParseRetryAfter(retry_after_, date_);
  return true;
}

bool ReplyCollector::AppendDecoded(std::string_view bytes) {
  if (bytes.size() > max_body_bytes_ - decoded_bytes_ && !EMBSTORE_SEEDED_BUG("no-body-cap"))
    return Fail(ReplyFault::kBodyTooLarge);
  decoded_bytes_ += bytes.size();
  if (!to_sink_) {
    response_.body.append(bytes);
    return true;
  }
  if (bytes.empty()) return true;
  sink_error_ = (*wants_.sink)(bytes);
  return sink_error_.ok() || Fail(ReplyFault::kSink);
}

bool ReplyCollector::AddBody(std::string_view bytes) {
  if (!inflater_) return AppendDecoded(bytes);
  // gzip data can go on for ever without giving one byte.
  raw_bytes_ += bytes.size();
  if (max_body_bytes_ != kNoBound && raw_bytes_ > max_body_bytes_ + max_body_bytes_ / 64 + 1024) {
    return Fail(ReplyFault::kBodyTooLarge);
  }
  const auto take = [this](std::string_view piece) { return AppendDecoded(piece); };
  return inflater_->Add(bytes, take) || Fail(ReplyFault::kBadGzip);
}

bool ReplyCollector::Finish() {
  if (fault_ != ReplyFault::kNone) return false;
  if (!headers_ended_ || response_.status < 200) return Fail(ReplyFault::kIncomplete);
  if (inflater_ && raw_bytes_ > 0 && !inflater_->ended() &&
      !EMBSTORE_SEEDED_BUG("cut-gzip-accepted"))
    return Fail(ReplyFault::kIncomplete);
  return true;
}

std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view retry_after,
                                                         const std::string& date) {
  if (retry_after.empty()) return std::nullopt;
  double seconds = 0;
  const char* end = retry_after.data() + retry_after.size();
  const auto [rest, error] =
      std::from_chars(retry_after.data(), end, seconds, std::chars_format::fixed);
  if (rest != end || error == std::errc::invalid_argument) {
    const std::time_t until = Curl().getdate(std::string(retry_after).c_str(), nullptr);
    const std::time_t now = Curl().getdate(date.c_str(), nullptr);
    if (until < 0 || now < 0) return std::nullopt;
    seconds = static_cast<double>(until) - static_cast<double>(now);
  } else if (error != std::errc()) {
    seconds = kMaxRetryAfterSeconds;
  }
  if (std::isnan(seconds)) return std::nullopt;
  seconds = std::clamp(seconds, 0.0, kMaxRetryAfterSeconds);
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

}  // namespace embstore
