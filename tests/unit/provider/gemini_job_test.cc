// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_job.h"

#include <doctest/doctest.h>

namespace embstore {
namespace {

struct Read {
  std::string fault;
  RemoteJob job;
};

Read Of(const std::string& json, JobSource source = JobSource::kJob) {
  static const Secret key("canary-key-0123456789");
  JsonParser parser;
  const auto root = parser.Parse(json);
  REQUIRE(root.ok());
  Read read;
  read.fault = ReadGeminiJob(*root, source, &key, &read.job);
  return read;
}

RemoteJob JobOf(const std::string& json, JobSource source = JobSource::kJob) {
  const Read read = Of(json, source);
  CAPTURE(json);
  CHECK(read.fault == "");
  return read.job;
}

std::string Operation(const std::string& metadata, const std::string& rest = "") {
  return R"({"name":"batches/31u18uq6dr4ods3957z38i1mbfa581k01xcq","metadata":{)" + metadata + "}" +
         rest + "}";
}

}  // namespace

TEST_CASE("gemini: a new job is read from the recorded answer") {
  const RemoteJob job = JobOf(
      R"({"name":"batches/31u18uq6dr4ods3957z38i1mbfa581k01xcq","metadata":{
 "@type":"type.googleapis.com/google.ai.generativelanguage.v1main.EmbedContentBatch",
 "model":"models/gemini-embedding-001","displayName":"job-7f3a",
 "inputConfig":{"fileName":"files/9ipl31k7go00"},
 "createTime":"2026-08-19T14:34:12.267870162Z","updateTime":"2026-08-19T14:34:12.267870162Z",
 "batchStats":{"requestCount":"2","pendingRequestCount":"2"},
 "state":"BATCH_STATE_PENDING","name":"batches/31u1"}})");
  CHECK(job.name == "batches/31u18uq6dr4ods3957z38i1mbfa581k01xcq");
  CHECK(job.display_name == "job-7f3a");
  CHECK(job.state == BatchState::kPending);
  CHECK(job.state_text == "BATCH_STATE_PENDING");
  CHECK(job.input_file == "files/9ipl31k7go00");
  CHECK(job.result_file.empty());
  CHECK(job.error.empty());
}

TEST_CASE("gemini: states are read by their ends, and what is unknown is waited for") {
  CHECK(ParseBatchState("BATCH_STATE_PENDING") == BatchState::kPending);
  CHECK(ParseBatchState("BATCH_STATE_RUNNING") == BatchState::kRunning);
  CHECK(ParseBatchState("JOB_STATE_RUNNING") == BatchState::kRunning);
  CHECK(ParseBatchState("BATCH_STATE_SUCCEEDED") == BatchState::kSucceeded);
  CHECK(ParseBatchState("SUCCEEDED") == BatchState::kSucceeded);
  CHECK(ParseBatchState("JOB_STATE_PARTIALLY_SUCCEEDED") == BatchState::kSucceeded);
  CHECK(ParseBatchState("BATCH_STATE_FAILED") == BatchState::kFailed);
  CHECK(ParseBatchState("BATCH_STATE_CANCELLED") == BatchState::kCancelled);
  CHECK(ParseBatchState("BATCH_STATE_EXPIRED") == BatchState::kExpired);
  for (const char* text : {"", "BATCH_STATE_UNSPECIFIED", "BATCH_STATE_PAUSED", "JOB_STATE_QUEUED",
                           "BATCH_STATE_CANCELLING", "UNSUCCEEDED", "batch_state_failed"}) {
    CHECK(ParseBatchState(text) == BatchState::kUnknown);
    CHECK_FALSE(IsTerminal(ParseBatchState(text)));
  }
  CHECK(JobOf(Operation("\"state\":\"BATCH_STATE_NEW\\u001b\"")).state_text ==
        "BATCH_STATE_NEW\\x1b");
}

TEST_CASE("gemini: the result's name is found in every place it was seen at") {
  const std::string done = R"("state":"BATCH_STATE_SUCCEEDED")";
  const std::string file = R"({"responsesFile":"files/batch-X"})";
  for (const std::string& json : {Operation(done, R"(,"done":true,"response":)" + file),
                                  Operation(done + R"(,"output":)" + file, R"(,"done":true)"),
                                  Operation(done + R"(,"output":)" + file,
                                            R"(,"response":{"@type":"x.EmbedContentBatchOutput"})"),
                                  Operation(done, R"(,"output":)" + file),
                                  Operation(done + R"(,"responsesFile":"files/batch-X")"),
                                  Operation(done, R"(,"responsesFile":"files/batch-X")")}) {
    const RemoteJob job = JobOf(json);
    CHECK(job.state == BatchState::kSucceeded);
    CHECK(job.result_file == "files/batch-X");
  }
  const RemoteJob both = JobOf(Operation(done + R"(,"output":{"responsesFile":"files/b"})",
                                         R"(,"response":{"responsesFile":"files/a"})"));
  CHECK(both.result_file == "files/a");
}

TEST_CASE("gemini: a job may have succeeded before its result has a name") {
  const RemoteJob job = JobOf(Operation(R"("state":"BATCH_STATE_SUCCEEDED")", R"(,"done":true)"));
  CHECK(job.state == BatchState::kSucceeded);
  CHECK(job.result_file.empty());
}

TEST_CASE("gemini: the words of a failed job come along, printable and without the key") {
  const RemoteJob job = JobOf(Operation(
      R"("state":"BATCH_STATE_CANCELLED")",
      R"(,"done":true,"error":{"code":13,"message":"Batch \u001b canary-key-0123456789"})"));
  CHECK(job.state == BatchState::kCancelled);
  CHECK(job.error == "code 13: Batch \\x1b [key]");
  CHECK(JobOf(Operation(R"("state":"BATCH_STATE_FAILED")", R"(,"error":{})")).error == "code 0");
}

TEST_CASE("gemini: an operation that is done is read also without a state") {
  const std::string done = R"(,"done":true)";
  CHECK(JobOf(Operation("", done + R"(,"error":{"code":13})")).state == BatchState::kFailed);
  CHECK(JobOf(Operation("", done + R"(,"error":{"code":1})")).state == BatchState::kCancelled);
  CHECK(JobOf(Operation("", done + R"(,"response":{"responsesFile":"files/b"})")).state ==
        BatchState::kSucceeded);
  CHECK(JobOf(Operation("", done)).state == BatchState::kUnknown);
  CHECK(JobOf(Operation("", R"(,"error":{"code":13})")).state == BatchState::kUnknown);
  CHECK(JobOf(Operation(R"("state":"BATCH_STATE_UNSPECIFIED")", done + R"(,"error":{"code":9})"))
            .state == BatchState::kFailed);
  CHECK(JobOf(Operation(R"("state":"BATCH_STATE_NEW")", done + R"(,"error":{"code":9})")).state ==
        BatchState::kUnknown);
}

TEST_CASE("gemini: a job is read with one level of nesting less") {
  const RemoteJob job =
      JobOf(R"({"name":"batches/x","displayName":"d","state":"BATCH_STATE_RUNNING",)"
            R"("inputConfig":{"fileName":"files/i"}})");
  CHECK(job.display_name == "d");
  CHECK(job.state == BatchState::kRunning);
  CHECK(job.input_file == "files/i");
  CHECK(JobOf(R"({"metadata":{"name":"batches/y"}})").name == "batches/y");
}

TEST_CASE("gemini: names that could lead elsewhere in a URL are refused") {
  for (const char* name :
       {"batches/", "batches/..", "batches/.x", "batches/a/b", "batches/a?b", "batches/a b",
        "batches/a%2Fb", "batches/a#b", "files/a", "x", "../batches/a", "batches/\\u00e4"}) {
    CAPTURE(name);
    CHECK(Of(R"({"name":")" + std::string(name) + "\"}").fault != "");
  }
  CHECK(Of(R"({"name":"batches/)" + std::string(201, 'a') + "\"}").fault != "");
  CHECK(Of("{}").fault != "");
  CHECK(Of("[]").fault != "");
  CHECK(Of(R"({"name":7})").fault != "");
  for (const char* file : {"files/../batches", "https://evil.example/x", "files/a?key=b"}) {
    const std::string json =
        Operation(R"("state":"BATCH_STATE_SUCCEEDED")",
                  R"(,"response":{"responsesFile":")" + std::string(file) + "\"}");
    CHECK(Of(json).fault != "");
    CHECK(Of(json, JobSource::kList).fault == "");
    CHECK(Of(json, JobSource::kList).job.result_file.empty());
  }
}

TEST_CASE("gemini: members of other types than expected do no harm") {
  const RemoteJob job =
      JobOf(R"({"name":"batches/x","metadata":{"state":5,"displayName":{},"inputConfig":[],)"
            R"("output":"x"},"done":"yes","response":[1],"error":null})");
  CHECK(job.state == BatchState::kUnknown);
  CHECK(job.display_name.empty());
  CHECK(job.result_file.empty());
  CHECK(job.error.empty());
}

}  // namespace embstore
