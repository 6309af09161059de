// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/file_endpoints.h"

#include <doctest/doctest.h>

#include <regex>
#include <set>
#include <string>

#include "service_client.h"

using namespace embstore::simulator;
using nlohmann::json;

namespace {

constexpr std::size_t kGranularity = 8388608;

bool Matches(const json& value, const char* pattern) {
  return value.is_string() && std::regex_match(value.get<std::string>(), std::regex(pattern));
}

}  // namespace

TEST_CASE("simulator: the start of an upload answers with headers and no body") {
  ServiceClient client;
  const HttpReply reply = client.Call("POST", "/upload/v1beta/files", "{}",
                                      {{"x-goog-api-key", "k"},
                                       {"x-goog-upload-protocol", "resumable"},
                                       {"x-goog-upload-command", "start"}});
  CHECK(reply.status == 200);
  CHECK(reply.body.empty());
  CHECK(reply.sized);
  CHECK(HeaderOf(reply, "Content-Type") == "text/plain; charset=utf-8");
  CHECK(HeaderOf(reply, "Server") == "UploadServer");
  CHECK(HeaderOf(reply, "X-Goog-Upload-Status") == "active");
  CHECK(HeaderOf(reply, "X-Goog-Upload-Chunk-Granularity") == "8388608");
  const std::string url = HeaderOf(reply, "X-Goog-Upload-URL");
  CHECK(url.starts_with("http://127.0.0.1:4711/upload/v1beta/files?upload_id="));
  CHECK(url.ends_with("&upload_protocol=resumable"));
  CHECK(HeaderOf(reply, "X-Goog-Upload-Control-URL") == url);
}

TEST_CASE("simulator: only the start of an upload needs a key") {
  ServiceClient client;
  CHECK(client.Call("POST", "/upload/v1beta/files", "{}", {{"x-goog-upload-command", "start"}})
            .status == 403);
  CHECK(client.Send(client.BeginUpload(), "upload, finalize", 0, "x").status == 200);
}

TEST_CASE("simulator: a file object has the members and types of the service") {
  ServiceClient client;
  const std::string address = client.BeginUpload({}, R"({"file":{"display_name":"mine"}})");
  const HttpReply reply = client.Send(address, "upload, finalize", 0, "hello");
  CHECK(HeaderOf(reply, "X-Goog-Upload-Status") == "final");
  CHECK(HeaderOf(reply, "Content-Type") == "application/json; charset=UTF-8");
  CHECK(reply.sized);
  const json document = json::parse(reply.body);
  CHECK(document.size() == 1);
  const json& file = document["file"];
  CHECK(Matches(file["name"], "files/[a-z0-9]{12}"));
  CHECK(file["displayName"] == "mine");
  CHECK(file["mimeType"] == "application/jsonl");
  CHECK(file["sizeBytes"] == "5");
  // The digest's hex text, in base64.
  CHECK(file["sha256Hash"] ==
        "MmNmMjRkYmE1ZmIwYTMwZTI2ZTgzYjJhYzViOWUyOWUxYjE2MWU1YzFmYTc0MjVlNzMwNDMzNjI5MzhiOTgyNA==");
  for (const char* time : {"createTime", "updateTime", "expirationTime"}) {
    CHECK(Matches(file[time], R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z)"));
  }
  CHECK(file["state"] == "ACTIVE");
  CHECK(file["source"] == "UPLOADED");
  CHECK(file["uri"] ==
        "https://generativelanguage.googleapis.com/v1beta/" + file["name"].get<std::string>());
  CHECK(file.size() == 11);
  CHECK(client.Json("GET", "/v1beta/" + file["name"].get<std::string>()) == file);
}

TEST_CASE("simulator: an upload may come in chunks of the granularity, in order") {
  ServiceClient client;
  const std::string chunk(kGranularity, 'a');
  const std::string address = client.BeginUpload();
  CHECK(HeaderOf(client.Send(address, "upload", 0, chunk), "X-Goog-Upload-Status") == "active");
  CHECK(client.Send(address, "upload", 5, chunk).status == 400);
  CHECK(client.Send(address, "upload", kGranularity, "too short").status == 400);
  CHECK(HeaderOf(client.Send(address, "query", 0, ""), "X-Goog-Upload-Size-Received") ==
        std::to_string(kGranularity));
  const json reply = json::parse(client.Send(address, "upload, finalize", kGranularity, "z").body);
  CHECK(reply["file"]["sizeBytes"] == std::to_string(kGranularity + 1));
  CHECK(HeaderOf(client.Send(address, "query", 0, ""), "X-Goog-Upload-Status") == "final");
  CHECK(client.Send(address, "upload, finalize", 0, "again").status == 400);
}

TEST_CASE("simulator: an upload must have the size it announced") {
  ServiceClient client;
  const std::string address = client.BeginUpload({{"x-goog-upload-header-content-length", "5"}});
  CHECK(client.Send(address, "upload, finalize", 0, "four").status == 400);
}

TEST_CASE("simulator: a cancelled upload is gone") {
  ServiceClient client;
  const std::string address = client.BeginUpload();
  client.Send(address, "cancel", 0, "");
  CHECK(client.Send(address, "upload, finalize", 0, "x").status == 404);
}

TEST_CASE("simulator: a name the client chose is kept, once") {
  ServiceClient client;
  const auto start = [&client](std::string_view name) {
    return client.Call("POST", "/upload/v1beta/files",
                       R"({"file":{"name":"files/)" + std::string(name) + R"("}})",
                       {{"x-goog-api-key", "k"},
                        {"x-goog-upload-protocol", "resumable"},
                        {"x-goog-upload-command", "start"}});
  };
  const std::string address = client.BeginUpload({}, R"({"file":{"name":"files/my-id"}})");
  CHECK(json::parse(client.Send(address, "upload, finalize", 0, "x").body)["file"]["name"] ==
        "files/my-id");
  CHECK(start("my-id").status == 409);
  CHECK(start("-x").status == 400);
  CHECK(start("Capital").status == 400);
  CHECK(start(std::string(41, 'a')).status == 400);
  CHECK(start(std::string(40, 'a')).status == 200);
}

TEST_CASE("simulator: files are listed in pages, newest first") {
  ServiceClient client;
  CHECK(client.Json("GET", "/v1beta/files") == json::object());
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) names.insert(names.begin(), client.Upload("x"));
  std::vector<std::string> listed;
  std::string token;
  int pages = 0;
  do {
    // The token has characters that mean something in an address.
    const std::string encoded =
        std::regex_replace(std::regex_replace(std::regex_replace(token, std::regex("\\+"), "%2B"),
                                              std::regex("/"), "%2F"),
                           std::regex("="), "%3D");
    const json page = client.Json("GET", "/v1beta/files?pageSize=2&pageToken=" + encoded);
    for (const json& file : page["files"]) listed.push_back(file["name"]);
    token = page.value("nextPageToken", "");
    ++pages;
  } while (!token.empty());
  CHECK(listed == names);
  CHECK(pages == 3);
  CHECK(client.Call("GET", "/v1beta/files?pageToken=Cj+/2==").status == 400);
  CHECK(client.Call("GET", "/v1beta/files?pageToken=nonsense").status == 400);
}

TEST_CASE("simulator: files are gone when deleted, and after 48 hours") {
  ServiceClient client;
  const std::string deleted = "/v1beta/" + client.Upload("x");
  const std::string kept = "/v1beta/" + client.Upload("x");
  CHECK(client.Json("DELETE", deleted) == json::object());
  CHECK(client.Call("GET", deleted).status == 403);
  CHECK(client.Call("DELETE", deleted).status == 403);
  client.Wait(std::chrono::hours(48) - std::chrono::seconds(1));
  CHECK(client.Call("GET", kept).status == 200);
  client.Wait(std::chrono::seconds(1));
  CHECK(client.Call("GET", kept).status == 403);
  CHECK(client.Json("GET", "/v1beta/files") == json::object());
}

TEST_CASE("simulator: uploaded files cannot be downloaded") {
  ServiceClient client;
  const std::string name = client.Upload("x");
  CHECK(client.Call("GET", "/download/v1beta/" + name + ":download?alt=media").status == 400);
}

TEST_CASE("simulator: upload faults") {
  SUBCASE("a type is refused, text/plain never") {
    ServiceClient client(WithFaults({"upload-mime"}));
    CHECK(client.BeginUpload().empty());
    CHECK_FALSE(client.BeginUpload({{"x-goog-upload-header-content-type", "text/plain"}}).empty());
  }
  SUBCASE("a finished upload answers 200 with an error and makes no file") {
    ServiceClient client(WithFaults({"upload-finalize-error:count=1"}));
    const HttpReply reply = client.Send(client.BeginUpload(), "upload, finalize", 0, "x");
    CHECK(reply.status == 200);
    CHECK(json::parse(reply.body)["error"]["code"] == 500);
    CHECK(client.Json("GET", "/v1beta/files") == json::object());
    CHECK_FALSE(client.Upload("x").empty());
  }
  SUBCASE("a broken connection keeps what came before, and the upload can go on") {
    ServiceClient client(WithFaults({"upload-reset:count=1"}));
    const std::string address = client.BeginUpload();
    CHECK(client.Send(address, "upload, finalize", 0, "12345678").delivery == Delivery::kReset);
    CHECK(HeaderOf(client.Send(address, "query", 0, ""), "X-Goog-Upload-Size-Received") == "4");
    const HttpReply rest = client.Send(address, "upload, finalize", 4, "5678");
    CHECK(json::parse(rest.body)["file"]["sizeBytes"] == "8");
  }
  SUBCASE("the faults of any call strike those they are aimed at") {
    ServiceClient client(WithFaults({"upload-start/status=503:count=1", "files/status=429"}));
    CHECK(client.BeginUpload().empty());
    CHECK_FALSE(client.BeginUpload().empty());
    CHECK(client.Call("GET", "/v1beta/files").status == 429);
    CHECK(client.SyncVector("x").size() == 4);
  }
}
