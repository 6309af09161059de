// SPDX-License-Identifier: Apache-2.0
#include "engine/http/curl_status.h"

#include <curl/curl.h>
#include <doctest/doctest.h>

namespace embstore {
namespace {

Status Of(int code, bool begun) {
  TransferFacts facts;
  facts.curl_code = code;
  facts.host = "example.com";
  facts.request_begun = begun;
  return TransferError(facts);
}

bool Has(const Status& status, std::string_view words) {
  return status.message().find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("http: failures before the request are retried and were not billed") {
  for (const int code : {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR,
                         CURLE_OPERATION_TIMEDOUT}) {
    const Status status = Of(code, false);
    CHECK(status.code() == Code::kUnavailable);
    CHECK(Has(status, "was not sent"));
    CHECK_FALSE(Has(status, "billed"));
    CHECK(status.message().find("example.com: ") == 0);
  }
}

TEST_CASE("http: failures after the request began are in doubt and say that it may be billed") {
  for (const int code : {CURLE_OPERATION_TIMEDOUT, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE,
                         CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_SEND_FAIL_REWIND}) {
    const Status status = Of(code, true);
    CHECK(status.code() == Code::kInDoubt);
    CHECK(Has(status, "may have been billed"));
  }
}

TEST_CASE("http: a repeatable request is never in doubt") {
  TransferFacts facts;
  facts.host = "example.com";
  facts.request_begun = true;
  facts.repeatable = true;
  facts.curl_code = CURLE_PARTIAL_FILE;
  CHECK(TransferError(facts).code() == Code::kUnavailable);
  CHECK_FALSE(Has(TransferError(facts), "billed"));
  facts.reply_fault = ReplyFault::kIncomplete;
  CHECK(TransferError(facts).code() == Code::kUnavailable);
  CHECK_FALSE(Has(TransferError(facts), "billed"));
}

TEST_CASE("http: a certificate that is not trusted is final and names ca_file") {
  const Status status = Of(CURLE_PEER_FAILED_VERIFICATION, false);
  CHECK(status.code() == Code::kInvalidArgument);
  CHECK(Has(status, "ca_file"));
  CHECK(Has(status, "was not sent"));
}

TEST_CASE("http: answers that are not HTTP are invalid replies") {
  CHECK(Of(CURLE_UNSUPPORTED_PROTOCOL, true).code() == Code::kInvalidReply);
  CHECK(Of(CURLE_UNSUPPORTED_PROTOCOL, false).code() == Code::kInvalidArgument);
  CHECK(Of(CURLE_WEIRD_SERVER_REPLY, true).code() == Code::kInvalidReply);
  CHECK(Of(CURLE_OUT_OF_MEMORY, true).code() == Code::kInvalidReply);
  CHECK(Of(CURLE_OUT_OF_MEMORY, false).code() == Code::kInternal);
}

TEST_CASE("http: our own reasons to stop come before libcurl's words") {
  TransferFacts facts;
  facts.curl_code = CURLE_WRITE_ERROR;
  facts.request_begun = true;
  for (const ReplyFault fault : {ReplyFault::kHeadersTooLarge, ReplyFault::kBodyTooLarge,
                                 ReplyFault::kBadEncoding, ReplyFault::kContradiction}) {
    facts.reply_fault = fault;
    CHECK(TransferError(facts).code() == Code::kInvalidReply);
  }
  for (const ReplyFault fault : {ReplyFault::kIncomplete, ReplyFault::kBadGzip}) {
    facts.reply_fault = fault;
    CHECK(TransferError(facts).code() == Code::kInDoubt);
    CHECK(Has(TransferError(facts), "may have been billed"));
  }
  facts.reply_fault = ReplyFault::kNone;
  facts.resend_stopped = true;
  CHECK(TransferError(facts).code() == Code::kInDoubt);
  CHECK(Has(TransferError(facts), "not sent twice"));
}

TEST_CASE("http: what a sink said comes back as it is") {
  TransferFacts facts;
  facts.curl_code = CURLE_WRITE_ERROR;
  facts.host = "example.com";
  facts.request_begun = true;
  facts.reply_fault = ReplyFault::kSink;
  facts.sink_error = Status(Code::kWriteFailed, "no space");
  CHECK(TransferError(facts).code() == Code::kWriteFailed);
  CHECK(TransferError(facts).message() == "no space");
}

TEST_CASE("http: control characters from a server do not get into a message") {
  TransferFacts facts;
  facts.curl_code = CURLE_WEIRD_SERVER_REPLY;
  facts.detail = "bad \x1b[31m";
  CHECK_FALSE(Has(TransferError(facts), "\x1b"));
}

}  // namespace embstore
