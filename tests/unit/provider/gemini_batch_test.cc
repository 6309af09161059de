// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_batch.h"

#include <doctest/doctest.h>

#include "engine/provider/gemini_provider.h"
#include "tests/unit/provider/gemini_testing.h"

namespace embstore {
namespace {

constexpr const char* kPending =
    R"({"name":"batches/j1","metadata":{"displayName":"d1","state":"BATCH_STATE_PENDING"}})";

bool Has(const Status& status, std::string_view words) {
  return status.message().find(words) != std::string::npos;
}

Status CreateAnswered(int status, const std::string& body) {
  BatchFixture fixture;
  fixture.Expect(status, body);
  return fixture.batch.Create("files/in", "d1").status();
}

Status GetAnswered(int status, const std::string& body) {
  BatchFixture fixture;
  fixture.Expect(status, body);
  return fixture.batch.Get("batches/j1").status();
}

/// Names of the jobs that a list of `pages` has.
Result<std::vector<std::string>> Listed(const std::vector<std::string>& pages) {
  BatchFixture fixture;
  for (const std::string& page : pages) fixture.Expect(200, page);
  std::vector<std::string> names;
  const Status status = fixture.batch.List([&](const RemoteJob& job) {
    names.push_back(job.name);
    return true;
  });
  if (!status.ok()) return status;
  CHECK(fixture.transport.answers.empty());
  return names;
}

}  // namespace

TEST_CASE("gemini: a job is created by one POST that names the uploaded file") {
  BatchFixture fixture;
  fixture.Expect(200, kPending);
  const auto job = fixture.batch.Create("files/in", "d\"1");
  REQUIRE(job.ok());
  CHECK(job->name == "batches/j1");
  CHECK(job->state == BatchState::kPending);
  REQUIRE(fixture.transport.sent.size() == 1);
  const SentRequest& sent = fixture.transport.sent[0];
  CHECK(sent.request.method == "POST");
  CHECK(sent.request.url ==
        "https://example.com/api/v1beta/models/gemini-embedding-001:asyncBatchEmbedContent");
  CHECK(sent.body == R"({"batch":{"displayName":"d\"1","inputConfig":{"fileName":"files/in"}}})");
  CHECK(sent.Header("Content-Type") == "application/json");
  CHECK_FALSE(sent.request.repeatable);
}

TEST_CASE("gemini: a full queue is a matter of waiting, and the wait is not known") {
  const Status full = CreateAnswered(
      429,
      R"({"error":{"code":429,"message":"You exceeded your current quota, please check your plan)"
      R"( and billing details.","status":"RESOURCE_EXHAUSTED","details":[)"
      R"({"@type":"type.googleapis.com/google.rpc.Help","links":[]}]}})");
  CHECK(full.code() == Code::kRateLimited);
  CHECK(full.backoff().retry_after.count() == 0);
  CHECK(Has(full, "no job was made"));
  CHECK(CreateAnswered(429, R"({"error":{"details":[)"
                            R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure",)"
                            R"("violations":[{"quotaId":"BatchRequestsPerDay"}]}]}})")
            .code() == Code::kQuotaExhausted);
  CHECK(CreateAnswered(429, ErrorBody(429, "X", "Your prepayment credits are depleted.")).code() ==
        Code::kQuotaExhausted);
  CHECK(CreateAnswered(402, "").code() == Code::kQuotaExhausted);
}

TEST_CASE("gemini: what may have made a job is in doubt") {
  for (const int status : {408, 499, 500, 502, 503, 504, 529, 599, 201, 204}) {
    CAPTURE(status);
    const Status lost = CreateAnswered(status, ErrorBody(status, "X", "y"));
    CHECK(lost.code() == Code::kInDoubt);
    CHECK(Has(lost, "may have been made"));
  }
  for (const char* body :
       {"", "x", "null", "[]", "{}", "<html>", R"({"name":"batches/../x"})", R"({"name":"other"})",
        R"({"error":{"code":13,"message":"x"}})", R"({"error":{"code":500,"message":"x"}})",
        R"({"error":{"code":409,"message":"x"}})"}) {
    CAPTURE(body);
    CHECK(CreateAnswered(200, body).code() == Code::kInDoubt);
  }
  for (const Code code : {Code::kInDoubt, Code::kInvalidReply, Code::kCancelled}) {
    BatchFixture fixture;
    fixture.Expect(Status(code, "lost"));
    CHECK(fixture.batch.Create("files/in", "d").code() == Code::kInDoubt);
  }
}

TEST_CASE("gemini: what the server clearly refused, or never got, made no job") {
  CHECK(CreateAnswered(400, ErrorBody(400, "INVALID_ARGUMENT", "bad")).code() == Code::kRejected);
  const Status key = CreateAnswered(400, ErrorBody(400, "INVALID_ARGUMENT", "API key not valid."));
  CHECK(key.code() == Code::kPermissionDenied);
  CHECK(CreateAnswered(403, ErrorBody(403, "PERMISSION_DENIED", "no")).code() ==
        Code::kPermissionDenied);
  const Status model = CreateAnswered(
      404, ErrorBody(404, "NOT_FOUND", "models/x is not found, or is not supported"));
  CHECK(model.code() == Code::kInvalidArgument);
  CHECK(Has(model, "gemini-embedding-001"));
  CHECK(CreateAnswered(200, ErrorBody(400, "INVALID_ARGUMENT", "bad")).code() == Code::kRejected);
  CHECK(CreateAnswered(302, "").code() == Code::kInvalidArgument);
  CHECK(CreateAnswered(409, "").code() == Code::kUnavailable);
  BatchFixture fixture;
  fixture.Expect(Status(Code::kUnavailable, "not sent"));
  CHECK(fixture.batch.Create("files/in", "d").code() == Code::kUnavailable);
}

TEST_CASE("gemini: an input file that is gone is told from a wrong model and a wrong key") {
  CHECK(CreateAnswered(404, ErrorBody(404, "NOT_FOUND", "File files/in not found")).code() ==
        Code::kNotFound);
  CHECK(CreateAnswered(403, ErrorBody(403, "PERMISSION_DENIED",
                                      "You do not have permission to access the File in or it may "
                                      "not exist."))
            .code() == Code::kNotFound);
}

TEST_CASE("gemini: an account without batch jobs is told about tiers") {
  const Status status =
      CreateAnswered(400, ErrorBody(400, "FAILED_PRECONDITION", "Precondition check failed."));
  CHECK(status.code() == Code::kPermissionDenied);
  CHECK(Has(status, "free tier"));
  CHECK(Has(status, "billing"));
}

TEST_CASE("gemini: a job is asked for by its name") {
  BatchFixture fixture;
  fixture.Expect(200, kPending);
  const auto job = fixture.batch.Get("batches/j1");
  REQUIRE(job.ok());
  CHECK(job->display_name == "d1");
  const HttpRequest& request = fixture.transport.sent[0].request;
  CHECK(request.method == "GET");
  CHECK(request.url == "https://example.com/api/v1beta/batches/j1");
  CHECK(request.repeatable);
}

TEST_CASE("gemini: a job that failed is an answer, not an error of the call") {
  BatchFixture fixture;
  fixture.Expect(200, R"({"name":"batches/j1","metadata":{"state":"BATCH_STATE_FAILED"},)"
                      R"("done":true,"error":{"code":13,"message":"boom"}})");
  const auto job = fixture.batch.Get("batches/j1");
  REQUIRE(job.ok());
  CHECK(job->state == BatchState::kFailed);
  CHECK(job->error == "code 13: boom");
}

TEST_CASE("gemini: asking for a job costs nothing, so it is never in doubt") {
  for (const int status : {408, 500, 502, 503, 504}) {
    const Status again = GetAnswered(status, "");
    CHECK(again.code() == Code::kUnavailable);
    CHECK_FALSE(Has(again, "billed"));
    CHECK(Has(again, "batches/j1"));
  }
  CHECK(GetAnswered(404, ErrorBody(404, "NOT_FOUND", "x")).code() == Code::kNotFound);
  CHECK(GetAnswered(403, ErrorBody(403, "P", "no permission or it may not exist")).code() ==
        Code::kNotFound);
  CHECK(GetAnswered(403, ErrorBody(403, "P", "no key")).code() == Code::kPermissionDenied);
  CHECK(GetAnswered(400, ErrorBody(400, "X", "API key not valid")).code() ==
        Code::kPermissionDenied);
  CHECK(GetAnswered(429, "").code() == Code::kRateLimited);
  CHECK(GetAnswered(302, "").code() == Code::kInvalidArgument);
  CHECK(GetAnswered(200, ErrorBody(503, "UNAVAILABLE", "x")).code() == Code::kUnavailable);
  for (const char* body : {"", "{}", "[]", "null", R"({"name":"batches/other"})"}) {
    CHECK(GetAnswered(200, body).code() == Code::kInvalidReply);
  }
}

TEST_CASE("gemini: names that are none are not sent") {
  BatchFixture fixture;
  for (const char* name : {"", "batches/", "batches/../x", "files/x", "batches/a?b=c", "x"}) {
    CHECK(fixture.batch.Get(name).code() == Code::kInvalidArgument);
    CHECK(fixture.batch.Cancel(name).code() == Code::kInvalidArgument);
  }
  for (const char* name : {"", "files/", "files/..", "files/a/b", "batches/x", "files/a?b"}) {
    CHECK(fixture.batch.Create(name, "d").code() == Code::kInvalidArgument);
    CHECK(fixture.batch.Download(name, nullptr).code() == Code::kInvalidArgument);
    CHECK(fixture.batch.DeleteFile(name).code() == Code::kInvalidArgument);
  }
  CHECK(fixture.transport.sent.empty());
}

TEST_CASE("gemini: the list goes over all pages, also empty ones, with encoded tokens") {
  BatchFixture fixture;
  fixture.Expect(200, R"({"operations":[{"name":"batches/a","done":true,"metadata":{)"
                      R"("@type":"x.GenerateContentBatch","state":"BATCH_STATE_SUCCEEDED"}}],)"
                      R"("nextPageToken":"t+/= &1"})");
  fixture.Expect(200, R"({"nextPageToken":"t2"})");
  fixture.Expect(200, R"({"operations":[],"nextPageToken":"t3"})");
  fixture.Expect(200, R"({"operations":[{"name":"batches/b","metadata":{"displayName":"mine",)"
                      R"("state":"BATCH_STATE_SUCCEEDED",)"
                      R"("batchStats":{"requestCount":"2","pendingRequestCount":"2"}}}]})");
  std::vector<RemoteJob> jobs;
  REQUIRE(fixture.batch
              .List([&](const RemoteJob& job) {
                jobs.push_back(job);
                return true;
              })
              .ok());
  REQUIRE(jobs.size() == 2);
  CHECK(jobs[0].name == "batches/a");
  CHECK(jobs[1].display_name == "mine");
  const auto& sent = fixture.transport.sent;
  REQUIRE(sent.size() == 4);
  CHECK(sent[0].request.url == "https://example.com/api/v1beta/batches?pageSize=100");
  CHECK(sent[1].request.url ==
        "https://example.com/api/v1beta/batches?pageSize=100&pageToken=t%2B%2F%3D%20%261");
  CHECK(sent[3].request.url == "https://example.com/api/v1beta/batches?pageSize=100&pageToken=t3");
}

TEST_CASE("gemini: an empty project has an empty list") {
  CHECK(Listed({"{}"})->empty());
  CHECK(Listed({R"({"operations":[]})"})->empty());
}

TEST_CASE("gemini: a visitor may stop the list") {
  BatchFixture fixture;
  fixture.Expect(200, R"({"operations":[{"name":"batches/a"},{"name":"batches/b"}],)"
                      R"("nextPageToken":"t"})");
  int seen = 0;
  CHECK(fixture.batch.List([&](const RemoteJob&) { return ++seen < 1; }).ok());
  CHECK(seen == 1);
  CHECK(fixture.transport.sent.size() == 1);
}

TEST_CASE("gemini: a list that cannot be trusted to be whole is an error") {
  CHECK(Listed({R"({"nextPageToken":"a"})", R"({"nextPageToken":"b"})", R"({"nextPageToken":"a"})"})
            .code() == Code::kInvalidReply);
  for (const char* page :
       {"", "[]", "null", R"({"operations":{}})", R"({"operations":"x"})", R"({"operations":[1]})",
        R"({"operations":[{}]})", R"({"operations":[{"name":"batches/../x"}]})",
        R"({"operations":[],"nextPageToken":7})"}) {
    CAPTURE(page);
    CHECK(Listed({page}).code() == Code::kInvalidReply);
  }
  CHECK(Listed({ErrorBody(503, "UNAVAILABLE", "x")}).code() == Code::kUnavailable);
  std::vector<std::string> endless;
  for (int i = 0; i < 1000; ++i) {
    endless.push_back(R"({"nextPageToken":")" + std::to_string(i) + "\"}");
  }
  CHECK(Listed(endless).code() == Code::kInvalidReply);
  BatchFixture fixture;
  fixture.Expect(200, R"({"operations":[{"name":"batches/a"}],"nextPageToken":"t"})");
  fixture.Expect(503, "");
  CHECK(fixture.batch.List([](const RemoteJob&) { return true; }).code() == Code::kUnavailable);
}

TEST_CASE("gemini: a job is cancelled by POST, and one that has ended already is no error") {
  BatchFixture fixture;
  fixture.Expect(200, "{}");
  fixture.Expect(400, ErrorBody(400, "FAILED_PRECONDITION", "Batch is not running."));
  fixture.Expect(404, "");
  fixture.Expect(500, "");
  fixture.Expect(Status(Code::kUnavailable, "x"));
  CHECK(fixture.batch.Cancel("batches/j1").ok());
  CHECK(fixture.batch.Cancel("batches/j1").ok());
  CHECK(fixture.batch.Cancel("batches/j1").code() == Code::kNotFound);
  CHECK(fixture.batch.Cancel("batches/j1").code() == Code::kUnavailable);
  CHECK(fixture.batch.Cancel("batches/j1").code() == Code::kUnavailable);
  CHECK(fixture.transport.sent[0].request.url ==
        "https://example.com/api/v1beta/batches/j1:cancel");
  CHECK(fixture.transport.sent[0].body == "{}");
  CHECK(fixture.transport.sent[0].request.repeatable);
}

TEST_CASE("gemini: the key is in no message of a batch call, wherever the server echoes it") {
  const std::string key = CanaryKey().Reveal();
  for (const int status : {200, 302, 400, 401, 403, 404, 429, 500}) {
    for (const std::string& body : {key, ErrorBody(status, key, key), "{\"" + key + "\":1}"}) {
      BatchFixture fixture;
      for (int i = 0; i < 8; ++i) fixture.Expect(status, body);
      const Status all[] = {fixture.batch.Create("files/in", "d").status(),
                            fixture.batch.Get("batches/j1").status(),
                            fixture.batch.List([](const RemoteJob&) { return true; }),
                            fixture.batch.FindUploads("d").status(),
                            fixture.batch.Cancel("batches/j1"),
                            fixture.batch.DeleteFile("files/in")};
      for (const Status& one : all) CHECK_FALSE(Has(one, "canary"));
    }
  }
}

TEST_CASE("gemini: the provider has batch jobs for its own identity") {
  GeminiOptions options;
  options.api_key = CanaryKey();
  options.base_url = "https://example.com/api";
  options.dimensions = 128;
  auto transport = std::make_unique<ScriptedTransport>();
  ScriptedTransport* const raw = transport.get();
  raw->answers.emplace_back(Answer(200, kPending));
  const auto provider = MakeGeminiProvider(options, std::move(transport));
  REQUIRE(provider.ok());
  BatchApi* const batch = provider.value()->batch();
  REQUIRE(batch != nullptr);
  std::string line;
  batch->AppendInputRow("k", "t", &line);
  CHECK(line.find(R"("task_type":"CLUSTERING","output_dimensionality":128)") != std::string::npos);
  CHECK(batch->ReadInputRow(line)->text == "t");
  CHECK(batch->ReadResultRow(R"({"key":"k","response":{"embedding":{"values":[1]}}})").code() ==
        Code::kInvalidReply);
  CHECK(batch->Create("files/in", "d").ok());
  CHECK(raw->sent[0].request.url.find("https://example.com/api/v1beta/models/") == 0);
  options.upload_mime_type = "jsonl";
  CHECK(MakeGeminiProvider(options).code() == Code::kInvalidArgument);
  options.upload_mime_type = "a/b\r\nX: y";
  CHECK(MakeGeminiProvider(options).code() == Code::kInvalidArgument);
}

}  // namespace embstore
