// SPDX-License-Identifier: Apache-2.0
#include "engine/http/curl_status.h"

#include "engine/base/text.h"
#include "engine/http/curl.h"

namespace embstore {
namespace {

constexpr std::string_view kNotSent = "the request was not sent";
constexpr std::string_view kMayBeBilled =
    "the server may have done the work, so the request may have been billed";

std::string_view FaultText(ReplyFault fault) {
  switch (fault) {
    case ReplyFault::kNone:
      break;
    case ReplyFault::kHeadersTooLarge:
      return "more than 64 KiB of headers";
    case ReplyFault::kBodyTooLarge:
      return "a body larger than any valid answer";
    case ReplyFault::kBadEncoding:
      return "a body that is neither plain nor gzip";
    case ReplyFault::kBadGzip:
      return "the answer's gzip data are damaged";
    case ReplyFault::kContradiction:
      return "two different Content-Length headers";
    case ReplyFault::kIncomplete:
      return "the answer ended early";
    case ReplyFault::kSink:
      break;
  }
  return "";
}

Status NoWholeAnswer(const std::string& words, const TransferFacts& facts) {
  if (facts.repeatable) {
    return Status(Code::kUnavailable, words + "; no whole answer came, and it may be asked again");
  }
  return Status(Code::kInDoubt, words + "; " + std::string(kMayBeBilled));
}

Status FaultStatus(const TransferFacts& facts) {
  const std::string text(FaultText(facts.reply_fault));
  if (facts.reply_fault == ReplyFault::kIncomplete || facts.reply_fault == ReplyFault::kBadGzip) {
    return NoWholeAnswer(text, facts);
  }
  return Status(Code::kInvalidReply, "refused an answer with " + text);
}

std::string Words(const TransferFacts& facts) {
  std::string words = facts.detail.empty()
                          ? Curl().easy_strerror(static_cast<CURLcode>(facts.curl_code))
                          : std::string(facts.detail);
  return Printable(words) + " (libcurl " + std::to_string(facts.curl_code) + ")";
}

Status ErrorStatus(const TransferFacts& facts) {
  const std::string words = Words(facts);
  switch (facts.curl_code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
      return Status(Code::kInvalidArgument,
                    "the server's certificate is not trusted: " + words + "; " +
                        std::string(kNotSent) +
                        "; for a certificate authority of your own set ca_file to its PEM file");
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_NOTFOUND:
      return Status(Code::kInvalidArgument, words);
    case CURLE_UNSUPPORTED_PROTOCOL:  // Also what libcurl says about an HTTP/0.9 answer.
      return Status(facts.request_begun ? Code::kInvalidReply : Code::kInvalidArgument, words);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_FILESIZE_EXCEEDED:
      return Status(Code::kInvalidReply, words);
    case CURLE_OUT_OF_MEMORY:  // Also what libcurl says about a header line beyond its own limit.
      if (facts.request_begun) {
        return Status(Code::kInvalidReply, "a header line that is too long, or " + words);
      }
      return Status(Code::kInternal, words);
    case CURLE_FAILED_INIT:
      return Status(Code::kInternal, words);
    default:
      if (facts.request_begun) return NoWholeAnswer(words, facts);
      return Status(Code::kUnavailable, words + "; " + std::string(kNotSent));
  }
}

}  // namespace

Status TransferError(const TransferFacts& facts) {
  if (facts.reply_fault == ReplyFault::kSink) return facts.sink_error;
  if (facts.reply_fault != ReplyFault::kNone) return FaultStatus(facts).Prefixed(facts.host);
  if (facts.resend_stopped) {
    return NoWholeAnswer(
               "the kept connection was closed before an answer came, and the request is not sent "
               "twice in silence",
               facts)
        .Prefixed(facts.host);
  }
  return ErrorStatus(facts).Prefixed(facts.host);
}

}  // namespace embstore
