// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/batch_endpoints.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "service_client.h"
#include "support/temp_dir.h"

using namespace embstore::simulator;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr seconds kDone{2};

std::set<std::string> Names(const json& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

bool Matches(const json& value, const std::string& pattern) {
  return value.is_string() && std::regex_match(value.get<std::string>(), std::regex(pattern));
}

std::string StateOf(const json& operation) { return operation["metadata"]["state"]; }

// The rows of a result file by key; a row that is not JSON is left out.
std::multimap<std::string, json> RowsByKey(const std::vector<std::string>& lines) {
  std::multimap<std::string, json> rows;
  for (const std::string& line : lines) {
    const json row = json::parse(line, nullptr, false);
    if (row.is_object()) rows.emplace(row.value("key", ""), row);
  }
  return rows;
}

// How many rows hold the vector of the text their key stands for.
std::size_t RightRows(ServiceClient* client, const std::vector<std::string>& lines) {
  std::size_t right = 0;
  for (const auto& [key, row] : RowsByKey(lines)) {
    if (!row.contains("response") || key.size() < 2) continue;
    right += row["response"]["embedding"]["values"] == client->SyncVector("text " + key.substr(1));
  }
  return right;
}

std::vector<std::string> ResultWith(ServiceClient* client, std::size_t rows) {
  const std::string job = client->MakeJob(InputLines(rows));
  client->Wait(kDone);
  return client->Download(job);
}

}  // namespace

TEST_CASE("simulator: a created job has the members and types of the service") {
  ServiceClient client;
  const std::string file = client.Upload(InputLines(2));
  const json operation = json::parse(client.Create(file).body);
  CHECK(Names(operation) == std::set<std::string>{"name", "metadata"});
  CHECK(Matches(operation["name"], "batches/[a-z0-9]{36}"));
  const json& metadata = operation["metadata"];
  CHECK(Names(metadata) == std::set<std::string>{"@type", "model", "displayName", "inputConfig",
                                                 "createTime", "updateTime", "batchStats", "state",
                                                 "name"});
  CHECK(metadata["@type"] ==
        "type.googleapis.com/google.ai.generativelanguage.v1main.EmbedContentBatch");
  CHECK(metadata["model"] == "models/gemini-embedding-001");
  CHECK(metadata["displayName"] == "job");
  CHECK(metadata["inputConfig"] == json{{"fileName", file}});
  CHECK(metadata["batchStats"] == json{{"requestCount", "2"}, {"pendingRequestCount", "2"}});
  CHECK(metadata["state"] == "BATCH_STATE_PENDING");
  CHECK(metadata["name"] == operation["name"]);
  CHECK(Matches(metadata["createTime"], R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z)"));
}

TEST_CASE("simulator: a job waits, runs and succeeds, and only its state tells") {
  ServiceClient client;
  const std::string job = client.MakeJob(InputLines(2));
  const json pending = client.Poll(job);
  client.Wait(milliseconds(500));
  json running = client.Poll(job);
  CHECK(StateOf(running) == "BATCH_STATE_RUNNING");
  running["metadata"]["state"] = "BATCH_STATE_PENDING";
  CHECK(running == pending);
  client.Wait(milliseconds(1500));
  const json done = client.Poll(job);
  const std::string result = "files/batch-" + job.substr(8);
  CHECK(result.size() - 6 == 42);
  CHECK(Names(done) == std::set<std::string>{"name", "metadata", "done", "response"});
  CHECK(done["done"] == true);
  CHECK(StateOf(done) == "BATCH_STATE_SUCCEEDED");
  CHECK(done["metadata"]["output"] == json{{"responsesFile", result}});
  CHECK(done["metadata"]["batchStats"] ==
        json{{"requestCount", "2"}, {"successfulRequestCount", "2"}});
  CHECK(done["metadata"].contains("endTime"));
  CHECK(done["response"] ==
        json{{"@type",
              "type.googleapis.com/google.ai.generativelanguage.v1main.EmbedContentBatchOutput"},
             {"responsesFile", result}});
}

TEST_CASE("simulator: result rows carry the vectors of the synchronous call") {
  SUBCASE("gemini-embedding-001 counts tokens as text") {
    ServiceClient client;
    const auto lines = ResultWith(&client, 9);
    CHECK(lines.size() == 9);
    CHECK(RightRows(&client, lines) == 9);
    const json row = json::parse(lines.front());
    CHECK(Names(row) == std::set<std::string>{"key", "response"});
    CHECK(Names(row["response"]) == std::set<std::string>{"embedding", "tokenCount"});
    CHECK(row["response"]["tokenCount"] == "2");
  }
  SUBCASE("gemini-embedding-2 reports usage") {
    ServiceClient client;
    const std::string job = client.MakeJob(InputLine("k", "text"), "gemini-embedding-2");
    client.Wait(kDone);
    const json row = json::parse(client.Download(job).at(0));
    CHECK(Names(row["response"]) == std::set<std::string>{"embedding", "usageMetadata"});
    CHECK(row["response"]["usageMetadata"] == json{{"promptTokenCount", 1}});
    CHECK(row["response"]["embedding"]["values"] ==
          client.SyncVector("text", "gemini-embedding-2"));
  }
}

TEST_CASE("simulator: result rows are shuffled, unless asked to keep the order") {
  const auto keys = [](const Options& options) {
    ServiceClient client(options);
    std::vector<std::string> in_order;
    for (const std::string& line : ResultWith(&client, 20)) {
      in_order.push_back(json::parse(line)["key"]);
    }
    return in_order;
  };
  Options ordered;
  ordered.batch.ordered_results = true;
  auto shuffled = keys({});
  const auto straight = keys(ordered);
  CHECK(straight.front() == "k0");
  CHECK(straight.back() == "k19");
  CHECK(shuffled != straight);
  CHECK(std::set(shuffled.begin(), shuffled.end()) == std::set(straight.begin(), straight.end()));
}

TEST_CASE("simulator: the result file answers 400 to get and delete, but downloads on both paths") {
  ServiceClient client;
  const std::string job = client.MakeJob(InputLines(1));
  CHECK(client.StartDownload(job).status == 403);
  client.Wait(kDone);
  const std::string path = "/v1beta/files/batch-" + job.substr(8);
  const json error = client.Json("GET", path);
  CHECK(error["error"]["message"] ==
        "* GetFileRequest.name: File ID (name excluding 'files/') cannot be more than 40 "
        "characters.\n");
  CHECK(client.Call("DELETE", path).status == 400);
  CHECK(client.Download(job).size() == 1);
  HttpReply other = client.Call("GET", path + ":download?alt=media");
  std::string piece;
  CHECK(other.source(&piece));
  CHECK(piece == client.Download(job).front() + "\n");
  client.Wait(std::chrono::hours(48));
  CHECK(client.StartDownload(job).status == 403);
}

TEST_CASE("simulator: names in an input file may be of either case, or of one only") {
  const std::string camel =
      R"({"key":"a","request":{"content":{"parts":[{"text":"x"}]},"taskType":"CLUSTERING","outputDimensionality":4}})";
  ServiceClient client;
  const std::string job = client.MakeJob(camel);
  client.Wait(kDone);
  CHECK(json::parse(client.Download(job).at(0))["response"]["embedding"]["values"] ==
        client.SyncVector("x"));
  Options options;
  options.batch.strict_snake = true;
  ServiceClient strict(options);
  CHECK(strict.Create(strict.Upload(camel)).status == 400);
  CHECK(strict.Create(strict.Upload(InputLines(1))).status == 200);
}

TEST_CASE("simulator: a bad line is an error of its row, not of the job") {
  ServiceClient client;
  const std::string job = client.MakeJob(
      InputLine("good", "x") + InputLine("blank", "") + "no json\n\n" +
      R"({"key":"misplaced","content":{"parts":[{"text":"x"}]}})"
      "\n" +
      R"({"key":"unknown","request":{"content":{"parts":[{"text":"x"}]},"nope":1}})");
  client.Wait(kDone);
  const auto rows = RowsByKey(client.Download(job));
  CHECK(rows.size() == 5);
  for (const char* key : {"blank", "misplaced", "unknown", ""}) {
    REQUIRE(rows.count(key) == 1);
    CHECK(rows.find(key)->second["error"]["code"] == 3);
    CHECK_FALSE(rows.find(key)->second.contains("response"));
  }
  CHECK(client.Poll(job)["metadata"]["batchStats"] ==
        json{{"requestCount", "5"}, {"successfulRequestCount", "1"}, {"failedRequestCount", "4"}});
  CHECK(client.service().texts_billed() == 1);
}

TEST_CASE("simulator: other members of a line come back, lists empty") {
  ServiceClient client;
  const std::string job = client.MakeJob(
      R"({"key":"a","request":{"content":{"parts":[{"text":"x"}]}},"note":"n","list":[1,2]})");
  client.Wait(kDone);
  const json row = json::parse(client.Download(job).at(0));
  CHECK(row["note"] == "n");
  CHECK(row["list"] == json::array());
}

TEST_CASE("simulator: inline results come twice, under doubled names") {
  ServiceClient client;
  const json request{{"model", "models/gemini-embedding-001"},
                     {"content", {{"parts", {{{"text", "x"}}}}}},
                     {"taskType", "CLUSTERING"},
                     {"outputDimensionality", 4}};
  const json body{
      {"batch",
       {{"displayName", "job"},
        {"inputConfig",
         {{"requests", {{"requests", {{{"request", request}, {"metadata", {{"key", "a"}}}}}}}}}}}}};
  const json operation = client.Json(
      "POST", "/v1beta/models/gemini-embedding-001:asyncBatchEmbedContent", body.dump());
  CHECK_FALSE(operation["metadata"].contains("inputConfig"));
  client.Wait(kDone);
  const json done = client.Poll(operation["name"]);
  const json item{
      {"response", {{"embedding", {{"values", client.SyncVector("x")}}}, {"tokenCount", "1"}}},
      {"metadata", {{"key", "a"}}}};
  const json inlined{{"inlinedResponses", json::array({item})}};
  CHECK(done["metadata"]["output"] == json{{"inlinedResponses", inlined}});
  CHECK(done["response"] ==
        json{{"@type", "type.googleapis.com/google.ai.generativelanguage.v1main.EmbedContentBatch"},
             {"inlinedResponses", inlined}});
}

TEST_CASE("simulator: the list has no results and the counts of the beginning") {
  ServiceClient client;
  CHECK(client.Json("GET", "/v1beta/batches") == json::object());
  const std::string first = client.MakeJob(InputLines(2));
  const std::string second = client.MakeJob(InputLines(1));
  client.Wait(kDone);
  const json list = client.Json("GET", "/v1beta/batches");
  CHECK(Names(list) == std::set<std::string>{"operations"});
  REQUIRE(list["operations"].size() == 2);
  const json& entry = list["operations"][1];
  CHECK(entry["name"] == first);
  CHECK(Names(entry) == std::set<std::string>{"name", "metadata", "done"});
  CHECK_FALSE(entry["metadata"].contains("output"));
  CHECK(StateOf(entry) == "BATCH_STATE_SUCCEEDED");
  CHECK(entry["metadata"]["batchStats"] ==
        json{{"requestCount", "2"}, {"pendingRequestCount", "2"}});
  const json page = client.Json("GET", "/v1beta/batches?pageSize=1");
  CHECK(page["operations"].size() == 1);
  CHECK(page["nextPageToken"].is_string());
}

TEST_CASE("simulator: jobs of another kind are in the list on request") {
  Options options;
  options.batch.foreign_jobs = 2;
  ServiceClient client(options);
  client.MakeJob(InputLines(1));
  const json list = client.Json("GET", "/v1beta/batches");
  CHECK(list["operations"].size() == 3);
  CHECK(Matches(list["operations"][2]["metadata"]["@type"], ".*GenerateContentBatch"));
}

TEST_CASE("simulator: a cancelled job ends at once and keeps its pending counts") {
  ServiceClient client;
  const std::string job = client.MakeJob(InputLines(2));
  CHECK(client.Json("POST", "/v1beta/" + job + ":cancel") == json::object());
  const json operation = client.Poll(job);
  CHECK(StateOf(operation) == "BATCH_STATE_CANCELLED");
  CHECK(operation["done"] == true);
  CHECK(operation["error"]["code"] == 13);
  CHECK(operation["metadata"]["batchStats"] ==
        json{{"requestCount", "2"}, {"pendingRequestCount", "2"}});
  client.Wait(kDone);
  CHECK(StateOf(client.Poll(job)) == "BATCH_STATE_CANCELLED");
  CHECK(client.service().texts_billed() == 0);
}

TEST_CASE("simulator: deleting a job removes its record, not its work") {
  ServiceClient client;
  const std::string job = client.MakeJob(InputLines(2));
  CHECK(client.Json("DELETE", "/v1beta/" + job) == json::object());
  CHECK(client.Call("GET", "/v1beta/" + job).status == 404);
  CHECK(client.Json("GET", "/v1beta/batches") == json::object());
  client.Wait(kDone);
  client.service().Advance();
  CHECK(client.service().texts_billed() == 2);
}

TEST_CASE("simulator: a batch text is billed when its job succeeds, with job and price") {
  const embstore::testing::TempDir dir;
  Options options;
  options.billing_log = (dir.path() / "log").string();
  ServiceClient client(options);
  const std::string job = client.MakeJob(InputLine("a", "hello"));
  const auto log = [&options] {
    std::ostringstream content;
    content << std::ifstream(options.billing_log).rdbuf();
    return content.str();
  };
  CHECK(log().empty());
  client.Wait(kDone);
  client.service().Advance();
  CHECK(log() ==
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 gemini-embedding-001 4 "
        "asyncBatchEmbedContent " +
            job + " half-price\n");
  client.Poll(job);
  client.Download(job);
  CHECK(client.service().texts_billed() == 1);
}

TEST_CASE("simulator: a job needs room for its tokens among the unfinished ones") {
  Options options;
  options.batch.enqueued_tokens = 5;  // Each text has two.
  ServiceClient client(options);
  const std::string file = client.Upload(InputLines(1));
  CHECK(client.Create(client.Upload(InputLines(3))).status == 429);
  CHECK(client.Create(file).status == 200);
  CHECK(client.Create(file).status == 200);
  const HttpReply full = client.Create(file);
  CHECK(full.status == 429);
  const json error = json::parse(full.body)["error"];
  CHECK(error["status"] == "RESOURCE_EXHAUSTED");
  REQUIRE(error["details"].size() == 1);
  CHECK(error["details"][0]["@type"] == "type.googleapis.com/google.rpc.Help");
  client.Wait(kDone);
  CHECK(client.Create(file).status == 200);
}

TEST_CASE("simulator: there is a limit to unfinished jobs, and none on the free tier") {
  Options options;
  options.batch.max_jobs = 1;
  ServiceClient client(options);
  const std::string file = client.Upload(InputLines(1));
  CHECK(client.Create(file).status == 200);
  CHECK(client.Create(file).status == 429);
  Options free;
  free.tier = Tier::kFree;
  ServiceClient poor(free);
  const HttpReply refused = poor.Create(poor.Upload(InputLines(1)));
  CHECK(refused.status == 400);
  CHECK(json::parse(refused.body)["error"]["status"] == "FAILED_PRECONDITION");
}

TEST_CASE("simulator: a create with a wrong body is refused") {
  ServiceClient client;
  const auto status = [&client](std::string_view body) {
    return client.Call("POST", "/v1beta/models/gemini-embedding-001:asyncBatchEmbedContent", body)
        .status;
  };
  CHECK(status("{}") == 400);
  CHECK(status(R"({"batch":{"displayName":"x"}})") == 400);
  CHECK(status(R"({"batch":{"inputConfig":{"fileName":"files/unknown"}}})") == 403);
  CHECK(status(R"({"batch":{"inputConfig":{"requests":{"requests":[{"request":{"nope":1}}]}}}})") ==
        400);
  CHECK(client.Create(client.Upload("\n")).status == 400);
  CHECK(client.Create(client.Upload(InputLines(1)), "unknown").status == 404);
}

TEST_CASE("simulator: create faults") {
  const auto jobs = [](ServiceClient* client) {
    return client->Json("GET", "/v1beta/batches").value("operations", json::array()).size();
  };
  const auto create = [](ServiceClient* client) {
    return client->Create(client->Upload(InputLines(1)));
  };
  SUBCASE("a lost reply leaves a job") {
    ServiceClient client(WithFaults({"create-lost:count=1"}));
    CHECK(create(&client).delivery == Delivery::kReset);
    CHECK(jobs(&client) == 1);
    CHECK(create(&client).delivery == Delivery::kComplete);
  }
  SUBCASE("a full queue leaves none") {
    ServiceClient client(WithFaults({"create-429"}));
    CHECK(create(&client).status == 429);
    CHECK(jobs(&client) == 0);
  }
  SUBCASE("an internal error leaves none") {
    ServiceClient client(WithFaults({"create-500"}));
    CHECK(create(&client).status == 500);
    CHECK(jobs(&client) == 0);
  }
  SUBCASE("an internal error may leave a job") {
    ServiceClient client(WithFaults({"create-500-made"}));
    CHECK(create(&client).status == 500);
    CHECK(jobs(&client) == 1);
  }
}

TEST_CASE("simulator: row faults") {
  const auto spoiled = [](std::string_view fault) {
    ServiceClient client(WithFaults({fault}));
    const auto lines = ResultWith(&client, 8);
    return std::pair(lines.size(), RightRows(&client, lines));
  };
  CHECK(spoiled("miskey-rows") == std::pair<std::size_t, std::size_t>(8, 6));
  CHECK(spoiled("rotate-rows") == std::pair<std::size_t, std::size_t>(8, 0));
  CHECK(spoiled("missing-row") == std::pair<std::size_t, std::size_t>(7, 7));
  CHECK(spoiled("duplicate-row") == std::pair<std::size_t, std::size_t>(9, 9));
  CHECK(spoiled("unknown-key-row").first == 9);
  CHECK(spoiled("row-error=1") == std::pair<std::size_t, std::size_t>(8, 0));
  for (const char* fault :
       {"bad-row=nan", "bad-row=zero", "bad-row=dims", "bad-row=text", "bad-row=cut"}) {
    CAPTURE(fault);
    CHECK(spoiled(fault).second == 7);
  }
}

TEST_CASE("simulator: a row error takes its share, tells an internal error and is not billed") {
  ServiceClient client(WithFaults({"row-error=0.5:at=1"}));
  const auto lines = ResultWith(&client, 100);
  std::size_t failed = 0;
  for (const std::string& line : lines) {
    const json row = json::parse(line);
    if (!row.contains("error")) continue;
    ++failed;
    CHECK(row["error"]["code"] == 13);
  }
  CHECK(failed > 30);
  CHECK(failed < 70);
  CHECK(client.service().texts_billed() == 100 - failed);
  const auto second = ResultWith(&client, 10);
  CHECK(RightRows(&client, second) == 10);
}

TEST_CASE("simulator: job faults") {
  const auto state_after = [](std::string_view fault, std::chrono::microseconds time) {
    ServiceClient client(WithFaults({fault}));
    const std::string job = client.MakeJob(InputLines(2));
    client.Wait(time);
    const json operation = client.Poll(job);
    CHECK_FALSE(operation["metadata"].contains("output"));
    CHECK(client.service().texts_billed() == 0);
    return StateOf(operation);
  };
  CHECK(state_after("job-failed", kDone) == "BATCH_STATE_FAILED");
  CHECK(state_after("job-expired", kDone) == "BATCH_STATE_EXPIRED");
  CHECK(state_after("job-cancelled", kDone) == "BATCH_STATE_CANCELLED");
  CHECK(state_after("job-stuck", std::chrono::hours(47)) == "BATCH_STATE_RUNNING");
  CHECK(state_after("job-stuck", std::chrono::hours(48)) == "BATCH_STATE_EXPIRED");
}

TEST_CASE("simulator: a held job runs until the file that holds it is gone, or it is cancelled") {
  const embstore::testing::TempDir dir;
  const std::string file = dir.path() / "held";
  std::ofstream(file).close();
  ServiceClient client(WithFaults({"job-held=" + file}));
  const std::string cancelled = client.MakeJob(InputLines(2));
  const std::string held = client.MakeJob(InputLines(2));
  client.Wait(kDone);
  CHECK(client.Call("POST", "/v1beta/" + cancelled + ":cancel").status == 200);
  client.Wait(kDone);
  CHECK(StateOf(client.Poll(cancelled)) == "BATCH_STATE_CANCELLED");
  CHECK(StateOf(client.Poll(held)) == "BATCH_STATE_RUNNING");
  CHECK(client.service().texts_billed() == 0);
  std::filesystem::remove(file);
  CHECK(StateOf(client.Poll(held)) == "BATCH_STATE_SUCCEEDED");
  CHECK(client.service().texts_billed() == 2);
}

TEST_CASE("simulator: a held job that has a late result has it that long after it is let go") {
  const embstore::testing::TempDir dir;
  const std::string file = dir.path() / "held";
  std::ofstream(file).close();
  ServiceClient client(WithFaults({"job-held=" + file, "late-result=3000"}));
  const std::string job = client.MakeJob(InputLines(1));
  client.Wait(seconds(60));
  CHECK(StateOf(client.Poll(job)) == "BATCH_STATE_RUNNING");
  std::filesystem::remove(file);
  CHECK_FALSE(client.Poll(job)["response"].contains("responsesFile"));
  client.Wait(seconds(3));
  CHECK(client.Poll(job)["response"].contains("responsesFile"));
}

TEST_CASE("simulator: a failed or cancelled job may have half of its rows, billed") {
  Options options = WithFaults({"job-failed"});
  options.batch.partial_results = true;
  ServiceClient client(options);
  const auto lines = ResultWith(&client, 10);
  CHECK(lines.size() == 5);
  CHECK(RightRows(&client, lines) == 5);
  CHECK(client.service().texts_billed() >= 5);
  Options expired = WithFaults({"job-expired"});
  expired.batch.partial_results = true;
  ServiceClient other(expired);
  CHECK(ResultWith(&other, 10).empty());
}

TEST_CASE("simulator: a state of a newer service may come for some polls") {
  ServiceClient client(WithFaults({"unknown-state=2"}));
  const std::string job = client.MakeJob(InputLines(1));
  client.Wait(kDone);
  CHECK(StateOf(client.Poll(job)) == "BATCH_STATE_PARTIALLY_DONE");
  const json second = client.Poll(job);
  CHECK(StateOf(second) == "BATCH_STATE_PARTIALLY_DONE");
  CHECK_FALSE(second.contains("done"));
  CHECK(StateOf(client.Poll(job)) == "BATCH_STATE_SUCCEEDED");
}

TEST_CASE("simulator: the result file may come later than success") {
  Options delayed;
  delayed.batch.results_delay = seconds(3);
  for (const Options& options : {delayed, WithFaults({"late-result=3000"})}) {
    ServiceClient client(options);
    const std::string job = client.MakeJob(InputLines(1));
    client.Wait(kDone);
    const json early = client.Poll(job);
    CHECK(StateOf(early) == "BATCH_STATE_SUCCEEDED");
    CHECK_FALSE(early["metadata"].contains("output"));
    CHECK_FALSE(early["response"].contains("responsesFile"));
    CHECK(client.StartDownload(job).status == 403);
    client.Wait(seconds(3));
    CHECK(client.Poll(job)["response"].contains("responsesFile"));
    CHECK(client.Download(job).size() == 1);
  }
}

TEST_CASE("simulator: poll, list and download faults") {
  const std::string lines = InputLines(8);
  SUBCASE("a poll may fail") {
    ServiceClient client(WithFaults({"poll-500:count=1"}));
    const std::string job = client.MakeJob(lines);
    CHECK(client.Call("GET", "/v1beta/" + job).status == 500);
    CHECK(client.Call("GET", "/v1beta/" + job).status == 200);
  }
  SUBCASE("a page may be empty and have a token") {
    ServiceClient client(WithFaults({"list-empty-page:count=1"}));
    client.MakeJob(lines);
    const json page = client.Json("GET", "/v1beta/batches");
    CHECK(Names(page) == std::set<std::string>{"nextPageToken"});
    CHECK(client.Json("GET", "/v1beta/batches?pageToken=Cj%2B/0%3D%3D")["operations"].size() == 1);
  }
  SUBCASE("a job may be missing from the first lists") {
    ServiceClient client(WithFaults({"list-lag=2"}));
    client.MakeJob(lines);
    CHECK(client.Json("GET", "/v1beta/batches") == json::object());
    CHECK(client.Json("GET", "/v1beta/batches") == json::object());
    CHECK(client.Json("GET", "/v1beta/batches")["operations"].size() == 1);
  }
  SUBCASE("a job may be missing from lists for a time") {
    ServiceClient client(WithFaults({"list-lag-ms=1000"}));
    client.MakeJob(lines);
    CHECK(client.Json("GET", "/v1beta/batches") == json::object());
    client.Wait(seconds(1));
    CHECK(client.Json("GET", "/v1beta/batches")["operations"].size() == 1);
  }
  SUBCASE("a result file may not be found at first") {
    ServiceClient client(WithFaults({"download-404:count=1"}));
    const std::string job = client.MakeJob(lines);
    client.Wait(kDone);
    CHECK(client.StartDownload(job).status == 404);
    CHECK(client.Download(job).size() == 8);
  }
  SUBCASE("a download may break off") {
    ServiceClient client(WithFaults({"download-cut"}));
    const std::string job = client.MakeJob(lines);
    client.Wait(kDone);
    CHECK(client.StartDownload(job).delivery == Delivery::kCutBody);
    CHECK(client.Download(job).size() == 4);
  }
}
