// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_files.h"

#include <doctest/doctest.h>

#include "tests/unit/http/scripted_server.h"
#include "tests/unit/provider/gemini_testing.h"

namespace embstore {
namespace {

constexpr const char* kResult = "files/batch-31u18uq6dr4ods3957z38i1mbfa581k01xcq";

/// Collects what a download gives.
struct Taken {
  std::string bytes;
  std::function<Status(std::string_view)> sink = [this](std::string_view piece) {
    bytes += piece;
    return Status();
  };
};

}  // namespace

TEST_CASE("gemini: a result is downloaded at once, without asking about the file") {
  BatchFixture fixture;
  fixture.Expect(200, "line one\nline two, longer than a piece\n");
  Taken taken;
  REQUIRE(fixture.batch.Download(kResult, taken.sink).ok());
  CHECK(taken.bytes == "line one\nline two, longer than a piece\n");
  REQUIRE(fixture.transport.sent.size() == 1);
  const HttpRequest& request = fixture.transport.sent[0].request;
  CHECK(request.method == "GET");
  CHECK(request.url ==
        "https://example.com/api/v1beta/" + std::string(kResult) + ":download?alt=media");
  CHECK(request.max_response_bytes == 0);
  CHECK(request.repeatable);
}

TEST_CASE("gemini: a download may take hours, but not stand still") {
  BatchFixture fixture;
  fixture.Expect(200, "x");
  Taken taken;
  REQUIRE(fixture.batch.Download(kResult, taken.sink).ok());
  const HttpRequest& request = fixture.transport.sent[0].request;
  CHECK(request.total_timeout >= std::chrono::hours(1));
  CHECK(request.idle_timeout == std::chrono::seconds(120));
}

TEST_CASE("gemini: the other address of downloads is tried when the first does not know the file") {
  BatchFixture fixture;
  fixture.Expect(404, ErrorBody(404, "NOT_FOUND", "x"));
  fixture.Expect(200, "result");
  Taken taken;
  REQUIRE(fixture.batch.Download(kResult, taken.sink).ok());
  CHECK(taken.bytes == "result");
  CHECK(fixture.transport.sent[1].request.url ==
        "https://example.com/api/download/v1beta/" + std::string(kResult) + ":download?alt=media");
  fixture.Expect(404, "");
  fixture.Expect(404, "");
  CHECK(fixture.batch.Download(kResult, taken.sink).code() == Code::kNotFound);
  fixture.Expect(500, "");
  CHECK(fixture.batch.Download(kResult, taken.sink).code() == Code::kUnavailable);
  CHECK(fixture.transport.answers.empty());
  CHECK(taken.bytes == "result");
}

TEST_CASE("gemini: the error of a sink ends the download and comes back") {
  BatchFixture fixture;
  fixture.Expect(200, std::string(100, 'x'));
  int pieces = 0;
  const Status status = fixture.batch.Download(kResult, [&](std::string_view) {
    return ++pieces < 3 ? Status() : Status(Code::kWriteFailed, "no space");
  });
  CHECK(status.code() == Code::kWriteFailed);
  CHECK(status.message() == "no space");
  CHECK(pieces == 3);
}

TEST_CASE("gemini: a download that is cut on a real connection is not ok") {
  const std::string body(300'000, 'x');
  ScriptedServer server([&](ScriptedConnection& connection) {
    const bool whole = connection.number() == 2;
    const std::string reply = PlainReply(body);
    connection.ReadHead();
    connection.Write(std::string_view(reply).substr(0, reply.size() - (whole ? 0 : 1)));
  });
  auto transport = MakeCurlTransport(CurlOptions());
  REQUIRE(transport.ok());
  GeminiEndpoint endpoint;
  endpoint.base = server.url("");
  endpoint.host = "127.0.0.1";
  endpoint.key = &CanaryKey();
  endpoint.transport = transport->get();
  Taken cut;
  CHECK(DownloadGeminiFile(endpoint, kResult, cut.sink).code() == Code::kUnavailable);
  CHECK(cut.bytes.size() == body.size() - 1);
  Taken whole;
  CHECK(DownloadGeminiFile(endpoint, kResult, whole.sink).ok());
  CHECK(whole.bytes == body);
}

TEST_CASE("gemini: a file that is gone counts as deleted, and result files are left alone") {
  BatchFixture fixture;
  fixture.Expect(200, "{}");
  fixture.Expect(404, "");
  fixture.Expect(403, ErrorBody(403, "PERMISSION_DENIED", "no permission or it may not exist"));
  fixture.Expect(403, ErrorBody(403, "PERMISSION_DENIED", "no key"));
  fixture.Expect(500, "");
  CHECK(fixture.batch.DeleteFile("files/9ipl31k7go00").ok());
  CHECK(fixture.batch.DeleteFile("files/9ipl31k7go00").ok());
  CHECK(fixture.batch.DeleteFile("files/9ipl31k7go00").ok());
  CHECK(fixture.batch.DeleteFile("files/9ipl31k7go00").code() == Code::kPermissionDenied);
  CHECK(fixture.batch.DeleteFile("files/9ipl31k7go00").code() == Code::kUnavailable);
  CHECK(fixture.transport.sent[0].request.method == "DELETE");
  CHECK(fixture.transport.sent[0].request.url ==
        "https://example.com/api/v1beta/files/9ipl31k7go00");
  CHECK(fixture.batch.DeleteFile(kResult).code() == Code::kInvalidArgument);
  CHECK(fixture.transport.sent.size() == 5);
}

TEST_CASE("gemini: uploads are found by their display name over all pages") {
  BatchFixture fixture;
  fixture.Expect(200, R"({"files":[{"name":"files/a","displayName":"mine"},)"
                      R"({"name":"files/b","displayName":"other"}],"nextPageToken":"t"})");
  fixture.Expect(200, R"({"files":[{"name":"files/c","displayName":"mine","source":"UPLOADED"},)"
                      R"({"name":"files/d","displayName":"mine","source":"GENERATED"},)"
                      R"({"name":"files/../e","displayName":"mine"},{},7]})");
  const auto names = fixture.batch.FindUploads("mine");
  REQUIRE(names.ok());
  CHECK(*names == std::vector<std::string>{"files/a", "files/c"});
  CHECK(fixture.transport.sent[0].request.url ==
        "https://example.com/api/v1beta/files?pageSize=100");
  fixture.Expect(200, "{}");
  CHECK(fixture.batch.FindUploads("mine")->empty());
  fixture.Expect(500, "");
  CHECK(fixture.batch.FindUploads("mine").code() == Code::kUnavailable);
}

}  // namespace embstore
