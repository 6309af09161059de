// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_upload.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/http/scripted_server.h"
#include "tests/unit/provider/gemini_testing.h"

namespace embstore {
namespace {

constexpr const char* kAddress =
    "https://example.com/upload/v1beta/files?upload_id=u1&upload_protocol=resumable";
constexpr std::size_t kChunk = 8 << 20;

/// A file that goes when the test ends.
class TestFile {
 public:
  explicit TestFile(const std::string& content) {
    path_ = std::filesystem::temp_directory_path() /
            ("gemini_upload_test-" + std::to_string(getpid()) + ".jsonl");
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TestFile() { std::filesystem::remove(path_); }
  TestFile(const TestFile&) = delete;
  TestFile& operator=(const TestFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

HttpResponse Started(const std::string& address = kAddress, const std::string& granularity = "") {
  HttpResponse response = Answer(200, "");
  response.headers = {{"x-goog-upload-status", "active"}, {"x-goog-upload-url", address}};
  if (!granularity.empty()) {
    response.headers.emplace_back("x-goog-upload-chunk-granularity", granularity);
  }
  return response;
}

HttpResponse Chunk(const std::string& status, std::string body = "") {
  HttpResponse response = Answer(200, std::move(body));
  if (!status.empty()) response.headers = {{"x-goog-upload-status", status}};
  return response;
}

HttpResponse Final(const std::string& more = "") {
  return Chunk("final", R"({"file":{"name":"files/k4t1ywl66fz2","state":"ACTIVE")" + more + "}}");
}

/// What an upload of `content` says, answered so.
struct Uploaded {
  Result<std::string> name;
  std::vector<SentRequest> sent;
  std::size_t unasked;  ///< Answers that were left.
};
Uploaded UploadOf(const std::string& content, std::vector<Result<HttpResponse>> answers) {
  const TestFile file(content);
  BatchFixture fixture;
  for (auto& answer : answers) fixture.transport.answers.push_back(std::move(answer));
  Result<std::string> name = fixture.batch.Upload(file.path(), "d\"1");
  return {std::move(name), fixture.transport.sent, fixture.transport.answers.size()};
}

bool Has(const Status& status, std::string_view words) {
  return status.message().find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("gemini: a small file is uploaded by a start and one piece") {
  const Uploaded upload = UploadOf("a line\n", {Started(), Final()});
  REQUIRE(upload.name.ok());
  CHECK(*upload.name == "files/k4t1ywl66fz2");
  REQUIRE(upload.sent.size() == 2);
  const SentRequest& start = upload.sent[0];
  CHECK(start.request.method == "POST");
  CHECK(start.request.url == "https://example.com/api/upload/v1beta/files");
  CHECK(start.body == R"({"file":{"display_name":"d\"1"}})");
  CHECK(start.Header("X-Goog-Upload-Protocol") == "resumable");
  CHECK(start.Header("X-Goog-Upload-Command") == "start");
  CHECK(start.Header("X-Goog-Upload-Header-Content-Length") == "7");
  CHECK(start.Header("X-Goog-Upload-Header-Content-Type") == "application/jsonl");
  const SentRequest& data = upload.sent[1];
  CHECK(data.request.url == kAddress);
  CHECK(data.Header("X-Goog-Upload-Offset") == "0");
  CHECK(data.Header("X-Goog-Upload-Command") == "upload, finalize");
  CHECK(data.body == "a line\n");
  CHECK(data.request.repeatable);
}

TEST_CASE("gemini: a large file goes in pieces of 8 MiB with rising offsets") {
  std::string content(2 * kChunk + 5, 'x');
  for (std::size_t i = 0; i < content.size(); i += 1000)
    content[i] = static_cast<char>('a' + i % 26);
  const Uploaded upload = UploadOf(content, {Started(), Chunk("active"), Chunk("active"), Final()});
  REQUIRE(upload.name.ok());
  REQUIRE(upload.sent.size() == 4);
  std::string received;
  for (std::size_t i = 1; i < 4; ++i) {
    const SentRequest& chunk = upload.sent[i];
    CHECK(chunk.Header("X-Goog-Upload-Offset") == std::to_string(received.size()));
    CHECK(chunk.Header("X-Goog-Upload-Command") == (i == 3 ? "upload, finalize" : "upload"));
    CHECK(chunk.body.size() <= kChunk);
    received += chunk.body;
  }
  CHECK((received == content));
}

TEST_CASE("gemini: a file of whole pieces ends with its last piece") {
  const Uploaded upload = UploadOf(std::string(kChunk, 'x'), {Started(), Final()});
  CHECK(upload.name.ok());
  CHECK(upload.sent[1].body.size() == kChunk);
}

TEST_CASE("gemini: the server's granularity is kept, and senseless ones are not believed") {
  const std::string content(kChunk + 1, 'x');
  const std::pair<const char*, std::size_t> cases[] = {{"3000000", 3 * 3'000'000},
                                                       {"262144", kChunk},
                                                       {"0", kChunk},
                                                       {"-1", kChunk},
                                                       {"x", kChunk},
                                                       {"", kChunk},
                                                       {"99999999999999999999", kChunk}};
  for (const auto& [granularity, expected] : cases) {
    CAPTURE(granularity);
    const bool whole = expected >= content.size();
    std::vector<Result<HttpResponse>> answers = {Started(kAddress, granularity)};
    if (!whole) answers.emplace_back(Chunk("active"));
    answers.emplace_back(Final());
    const Uploaded upload = UploadOf(content, std::move(answers));
    REQUIRE(upload.name.ok());
    CHECK(upload.sent[1].body.size() == std::min(expected, content.size()));
  }
}

TEST_CASE("gemini: nothing is sent to an upload address of another origin") {
  for (const char* address :
       {"https://evil.example/upload?upload_id=u", "http://example.com/upload?upload_id=u",
        "https://example.com:8443/upload", "https://example.com.evil.example/upload",
        "https://user@example.com/upload", "https://evil.example/https://example.com/",
        "//example.com/upload", "/upload?upload_id=u", "x", "https://example.com/a b",
        "https://sub.example.com/upload", "ftp://example.com/x",
        "https://canary-key-0123456789.example/upload_id"}) {
    CAPTURE(address);
    const Uploaded upload = UploadOf("x", {Started(address)});
    CHECK(upload.name.code() == Code::kInvalidReply);
    CHECK(upload.sent.size() == 1);
    CHECK_FALSE(Has(upload.name.status(), "upload_id"));
    CHECK_FALSE(Has(upload.name.status(), CanaryKey().Reveal()));
  }
  CHECK(UploadOf("x", {Answer(200, "")}).name.code() == Code::kInvalidReply);
  CHECK(UploadOf("x", {Started("HTTPS://EXAMPLE.com:443/u?upload_id=u"), Final()}).name.ok());
}

TEST_CASE("gemini: a piece without the status it should have breaks the upload off") {
  const std::string two(kChunk + 1, 'x');
  for (const char* status : {"", "final", "cancelled"}) {
    const Uploaded upload = UploadOf(two, {Started(), Chunk(status)});
    CHECK(upload.name.code() == Code::kUnavailable);
    CHECK(upload.sent.size() == 2);
  }
  for (const char* status : {"", "active"}) {
    CHECK(UploadOf("x", {Started(), Chunk(status, R"({"file":{"name":"files/a"}})")}).name.code() ==
          Code::kUnavailable);
  }
}

TEST_CASE("gemini: an upload that ends with 200 and an error has failed") {
  const Uploaded upload =
      UploadOf("x", {Started(), Chunk("final", ErrorBody(503, "UNAVAILABLE", "try again"))});
  CHECK(upload.name.code() == Code::kUnavailable);
  CHECK(Has(upload.name.status(), "try again"));
  CHECK(UploadOf("x", {Started(), Chunk("", ErrorBody(500, "INTERNAL", "x"))}).name.code() ==
        Code::kUnavailable);
  for (const char* body : {"", "{}", R"({"file":{}})", R"({"file":{"name":"files/../x"}})",
                           R"({"file":{"name":"batches/x"}})", "null"}) {
    CHECK(UploadOf("x", {Started(), Chunk("final", body)}).name.code() == Code::kInvalidReply);
  }
}

TEST_CASE("gemini: a type that the server does not take is tried once more as plain text") {
  const Result<HttpResponse> refusal =
      Answer(400, ErrorBody(400, "INVALID_ARGUMENT", "Unsupported MIME type: application/jsonl"));
  const Uploaded at_start = UploadOf("x", {refusal, Started(), Final()});
  REQUIRE(at_start.name.ok());
  CHECK(at_start.sent[1].Header("X-Goog-Upload-Header-Content-Type") == "text/plain");
  const Uploaded at_end =
      UploadOf("x", {Started(),
                     Chunk("final", ErrorBody(400, "INVALID_ARGUMENT", "Unsupported MIME type: y")),
                     Started(), Final()});
  CHECK(at_end.name.ok());
  const Uploaded twice = UploadOf("x", {refusal, refusal, Started()});
  CHECK(twice.name.code() == Code::kRejected);
  CHECK(twice.unasked == 1);
  const Uploaded other = UploadOf("x", {Answer(400, ErrorBody(400, "X", "bad")), Started()});
  CHECK(other.name.code() == Code::kRejected);
  CHECK(other.unasked == 1);
}

TEST_CASE("gemini: size and digest of what the server has are compared with the file") {
  // SHA-256 of "abc", in hex and then in base64, as the server writes it.
  const std::string digest =
      "YmE3ODE2YmY4ZjAxY2ZlYTQxNDE0MGRlNWRhZTIyMjNiMDAzNjFhMzk2MTc3YTljYjQxMGZmNjFmMjAwMTVhZA==";
  const std::string raw = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
  CHECK(UploadOf("abc", {Started(), Final(R"(,"sizeBytes":"3","sha256Hash":")" + digest + "\"")})
            .name.ok());
  CHECK(UploadOf("abc", {Started(), Final(R"(,"sizeBytes":3,"sha256Hash":")" + raw + "\"")})
            .name.ok());
  const Uploaded cut = UploadOf("abc", {Started(), Final(R"(,"sizeBytes":"2")")});
  CHECK(cut.name.code() == Code::kUnavailable);
  CHECK(Has(cut.name.status(), "2 bytes instead of 3"));
  const Uploaded changed =
      UploadOf("abd", {Started(), Final(R"(,"sha256Hash":")" + digest + "\"")});
  CHECK(changed.name.code() == Code::kUnavailable);
  CHECK(Has(changed.name.status(), "SHA-256"));
  CHECK(
      UploadOf("x", {Started(), Chunk("final", R"({"file":{"name":"files/a","state":"FAILED"}})")})
          .name.code() == Code::kUnavailable);
}

TEST_CASE("gemini: an upload costs nothing, so what broke off is asked again and never in doubt") {
  for (const int status : {408, 500, 502, 503, 504}) {
    CHECK(UploadOf("x", {Answer(status, "")}).name.code() == Code::kUnavailable);
    CHECK(UploadOf("x", {Started(), Answer(status, "")}).name.code() == Code::kUnavailable);
  }
  CHECK(UploadOf("x", {Started(), Answer(404, "")}).name.code() == Code::kUnavailable);
  CHECK(UploadOf("x", {Answer(404, "")}).name.code() == Code::kInvalidArgument);
  CHECK(UploadOf("x", {Answer(429, "")}).name.code() == Code::kRateLimited);
  CHECK(UploadOf("x", {Answer(400, ErrorBody(400, "X", "API key not valid"))}).name.code() ==
        Code::kPermissionDenied);
  CHECK(UploadOf("x", {Started(), Status(Code::kUnavailable, "reset")}).name.code() ==
        Code::kUnavailable);
}

TEST_CASE("gemini: a file that is missing or empty is not uploaded") {
  CHECK(UploadOf("", {}).name.code() == Code::kInvalidArgument);
  BatchFixture fixture;
  CHECK(fixture.batch.Upload("/no/such/file", "d").code() == Code::kInvalidArgument);
  CHECK(fixture.transport.sent.empty());
}

TEST_CASE("gemini: an upload over real connections arrives whole, with the key on each request") {
  const std::string content(kChunk + 100, 'y');
  std::string received;
  std::atomic<int> keys{0};
  std::unique_ptr<ScriptedServer> server;
  server = std::make_unique<ScriptedServer>([&](ScriptedConnection& connection) {
    while (true) {
      const std::string head = connection.ReadHead();
      if (head.empty()) return;
      if (head.find("\r\nx-goog-api-key: canary-key-0123456789\r\n") != std::string::npos) ++keys;
      const std::string body = connection.ReadBody(head).value_or("");
      if (head.find("Command: start") != std::string::npos) {
        connection.Write(
            PlainReply("", "X-Goog-Upload-URL: " + server->url("/up?upload_id=1") + "\r\n"));
        continue;
      }
      received += body;
      const bool last = head.find("finalize") != std::string::npos;
      connection.Write(PlainReply(
          last ? R"({"file":{"name":"files/a"}})" : "",
          last ? "X-Goog-Upload-Status: final\r\n" : "X-Goog-Upload-Status: active\r\n"));
    }
  });
  const TestFile file(content);
  {
    auto transport = MakeCurlTransport(CurlOptions());
    REQUIRE(transport.ok());
    GeminiEndpoint endpoint;
    endpoint.base = server->url("");
    endpoint.host = "127.0.0.1";
    endpoint.key = &CanaryKey();
    endpoint.transport = transport->get();
    const auto name = UploadGeminiFile(endpoint, file.path(), "d", "application/jsonl");
    CAPTURE(name.status().message());
    CHECK(name.ok());
    if (name.ok()) CHECK(*name == "files/a");
  }
  server->Stop();
  CHECK((received == content));
  CHECK(keys == 3);
}

}  // namespace embstore
