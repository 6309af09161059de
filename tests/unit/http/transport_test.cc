// SPDX-License-Identifier: Apache-2.0
#include "engine/http/transport.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <future>

#include "tests/unit/http/scripted_server.h"

namespace embstore {
namespace {

using std::chrono::milliseconds;

std::unique_ptr<HttpTransport> NewTransport(std::uint32_t connections = 4) {
  CurlOptions options;
  options.max_connections = connections;
  auto transport = MakeCurlTransport(options);
  REQUIRE(transport.ok());
  return *std::move(transport);
}

HttpRequest Post(std::string url, std::string_view body = "body") {
  HttpRequest request;
  request.url = std::move(url);
  request.body = body;
  return request;
}

/// Answers each request with its own body, for as long as the client keeps the connection.
void Echo(ScriptedConnection& connection) {
  while (true) {
    const std::string head = connection.ReadHead();
    if (head.empty()) return;
    const auto body = connection.ReadBody(head);
    if (!body || !connection.Write(PlainReply(*body))) return;
  }
}

bool Has(const Status& status, std::string_view words) {
  return status.message().find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("http: a request goes out with its headers, its key and its body") {
  std::string head;
  std::string body;
  ScriptedServer server([&](ScriptedConnection& connection) {
    head = connection.ReadHead();
    body = connection.ReadBody(head).value_or("cut");
    connection.Write(PlainReply("ok", "Content-Type: text/plain\r\nRetry-After: 2\r\n"));
  });
  const Secret key("canary");
  HttpRequest request = Post(server.url("/a:b"), "hello");
  request.headers = {{"Content-Type", "application/json"}};
  request.secret = &key;
  request.secret_header = "x-goog-api-key";
  const auto response = NewTransport()->Send(request);
  REQUIRE(response.ok());
  CHECK(response->status == 200);
  CHECK(response->body == "ok");
  CHECK(response->content_type == "text/plain");
  CHECK(response->retry_after == milliseconds(2000));
  server.Stop();
  CHECK(head.find("POST /a:b HTTP/1.1\r\n") == 0);
  CHECK(head.find("\r\nx-goog-api-key: canary\r\n") != std::string::npos);
  CHECK(head.find("\r\nContent-Type: application/json\r\n") != std::string::npos);
  CHECK(head.find("\r\nAccept-Encoding:") == std::string::npos);
  CHECK(head.find("Expect") == std::string::npos);
  CHECK(body == "hello");
}

TEST_CASE("http: chunked and gzip answers arrive decoded") {
  const std::string text = "some text, some text, some text";
  ScriptedServer server([&](ScriptedConnection& connection) {
    const std::string gzip = "Content-Encoding: gzip\r\n";
    for (const std::string& reply : {ChunkedReply(text), PlainReply(Gzip(text), gzip),
                                     ChunkedReply(Gzip(text), gzip), PlainReply("", gzip)}) {
      connection.ReadBody(connection.ReadHead());
      connection.Write(reply);
    }
  });
  const auto transport = NewTransport();
  for (int i = 0; i < 3; ++i) {
    const auto response = transport->Send(Post(server.url()));
    REQUIRE(response.ok());
    CHECK(response->body == text);
  }
  const auto empty = transport->Send(Post(server.url()));
  REQUIRE(empty.ok());
  CHECK(empty->body.empty());
  CHECK(server.connections() == 1);
}

TEST_CASE("http: large bodies go both ways over one connection") {
  ScriptedServer server(Echo);
  const auto transport = NewTransport();
  const std::string body(3'500'000, 'x');
  for (int i = 0; i < 3; ++i) {
    HttpRequest request = Post(server.url(), body);
    request.max_response_bytes = body.size();
    const auto response = transport->Send(request);
    REQUIRE(response.ok());
    CHECK(response->body == body);
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("http: a GET has no body") {
  std::string head;
  ScriptedServer server([&](ScriptedConnection& connection) {
    head = connection.ReadHead();
    connection.Write(PlainReply("ok"));
  });
  HttpRequest request = Post(server.url("/x"), "");
  request.method = "GET";
  const auto response = NewTransport()->Send(request);
  REQUIRE(response.ok());
  server.Stop();
  CHECK(head.find("GET /x HTTP/1.1\r\n") == 0);
  CHECK(head.find("Content-Length") == std::string::npos);
}

TEST_CASE("http: many threads each get their own answer over few connections") {
  ScriptedServer server(Echo);
  const auto transport = NewTransport(2);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string body = std::to_string(t) + "/" + std::to_string(i);
        const auto response = transport->Send(Post(server.url(), body));
        if (response.ok() && response->body == body) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 200);
  CHECK(server.connections() <= 2);
}

TEST_CASE("http: waiting sends start as soon as a connection is free") {
  Signal all_started;
  ScriptedServer server([&](ScriptedConnection& connection) {
    all_started.Wait();
    Echo(connection);
  });
  const auto transport = NewTransport(1);
  std::vector<std::future<Result<HttpResponse>>> sends;
  for (int i = 0; i < 30; ++i) {
    sends.push_back(
        std::async(std::launch::async, [&] { return transport->Send(Post(server.url())); }));
  }
  const auto start = std::chrono::steady_clock::now();
  all_started.Raise();
  for (auto& send : sends) CHECK(send.get().ok());
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
  CHECK(server.connections() == 1);
}

TEST_CASE("http: nobody listening is an error that was not billed") {
  std::string url;
  { url = ScriptedServer(Echo).url(); }
  const auto response = NewTransport()->Send(Post(url));
  REQUIRE_FALSE(response.ok());
  CHECK(response.code() == Code::kUnavailable);
  CHECK(Has(response.status(), "was not sent"));
}

TEST_CASE("http: a server without TLS gets no byte of the request") {
  std::string received;
  ScriptedServer server([&](ScriptedConnection& connection) {
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    received = connection.ReadToEnd();
  });
  {
    const Secret key("canary");
    HttpRequest request = Post("https://127.0.0.1:" + std::to_string(server.port()));
    request.secret = &key;
    request.secret_header = "x-goog-api-key";
    const auto response = NewTransport()->Send(request);
    CHECK(response.code() == Code::kUnavailable);
    CHECK(Has(response.status(), "was not sent"));
  }
  server.Stop();
  CHECK(received.find("canary") == std::string::npos);
}

TEST_CASE("http: a server that never answers runs into the timeout and is in doubt") {
  ScriptedServer server([](ScriptedConnection& connection) { connection.ReadToEnd(); });
  HttpRequest request = Post(server.url());
  request.total_timeout = milliseconds(100);
  const auto transport = NewTransport();
  const auto response = transport->Send(request);
  REQUIRE_FALSE(response.ok());
  CHECK(response.code() == Code::kInDoubt);
  CHECK(Has(response.status(), "may have been billed"));
}

TEST_CASE("http: a body that drips runs into the timeout too") {
  ScriptedServer server([](ScriptedConnection& connection) {
    connection.ReadBody(connection.ReadHead());
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    connection.ReadToEnd();
  });
  HttpRequest request = Post(server.url());
  request.total_timeout = milliseconds(100);
  CHECK(NewTransport()->Send(request).code() == Code::kInDoubt);
}

TEST_CASE("http: a DELETE has no body and may have a query") {
  std::string head;
  ScriptedServer server([&](ScriptedConnection& connection) {
    head = connection.ReadHead();
    connection.Write(PlainReply("{}"));
  });
  HttpRequest request = Post(server.url("/v1/x?a=b%2Bc&d=e"), "");
  request.method = "DELETE";
  REQUIRE(NewTransport()->Send(request).ok());
  server.Stop();
  CHECK(head.find("DELETE /v1/x?a=b%2Bc&d=e HTTP/1.1\r\n") == 0);
  CHECK(head.find("Content-Length") == std::string::npos);
}

TEST_CASE("http: methods take turns on one connection without leaving traces") {
  std::vector<std::string> heads;
  ScriptedServer server([&](ScriptedConnection& connection) {
    while (true) {
      const std::string head = connection.ReadHead();
      if (head.empty()) return;
      heads.push_back(head.substr(0, head.find(' ')) + connection.ReadBody(head).value_or("cut"));
      connection.Write(PlainReply("{}"));
    }
  });
  {
    const auto transport = NewTransport();
    for (const char* method : {"DELETE", "POST", "GET", "DELETE", "GET", "POST"}) {
      HttpRequest request = Post(server.url(), method == std::string("POST") ? "+" : "");
      request.method = method;
      REQUIRE(transport->Send(request).ok());
    }
  }
  server.Stop();
  CHECK(heads == std::vector<std::string>{"DELETE", "POST+", "GET", "DELETE", "GET", "POST+"});
}

TEST_CASE("http: headers that were asked for come back, others do not") {
  ScriptedServer server([&](ScriptedConnection& connection) {
    connection.ReadBody(connection.ReadHead());
    connection.Write(
        PlainReply("", "X-Goog-Upload-Status:  active \r\nX-Other: 1\r\nX-UPLOAD-URL: /u?a=b\r\n"));
  });
  HttpRequest request = Post(server.url());
  request.wanted_headers = {"x-upload-url", "x-goog-upload-status", "x-absent"};
  const auto response = NewTransport()->Send(request);
  REQUIRE(response.ok());
  using Header = std::pair<std::string, std::string>;
  CHECK(response->headers ==
        std::vector<Header>{{"x-goog-upload-status", "active"}, {"x-upload-url", "/u?a=b"}});
}

TEST_CASE("http: a sink takes the decoded body of a 2xx answer and the response has none") {
  const std::string text(300'000, 'x');
  const std::string gzip = "Content-Encoding: gzip\r\n";
  for (const std::string& reply :
       {PlainReply(text), ChunkedReply(text), PlainReply(Gzip(text), gzip)}) {
    ScriptedServer server([&](ScriptedConnection& connection) {
      connection.ReadBody(connection.ReadHead());
      connection.Write(reply);
    });
    std::string taken;
    std::size_t largest = 0;
    HttpRequest request = Post(server.url());
    request.max_response_bytes = 0;
    request.sink = [&](std::string_view piece) {
      taken += piece;
      largest = std::max(largest, piece.size());
      return Status();
    };
    const auto response = NewTransport()->Send(request);
    REQUIRE(response.ok());
    CHECK(response->body.empty());
    CHECK(taken == text);
    CHECK(largest <= 128 * 1024);
  }
}

TEST_CASE("http: an error body goes to the response and not to the sink, and stays bounded") {
  for (const bool large : {false, true}) {
    ScriptedServer server([&](ScriptedConnection& connection) {
      connection.ReadBody(connection.ReadHead());
      connection.Write(PlainReply(large ? std::string(2 << 20, 'x') : "gone", "", "404 N"));
    });
    HttpRequest request = Post(server.url());
    request.max_response_bytes = 0;
    std::size_t pieces = 0;
    request.sink = [&](std::string_view) {
      ++pieces;
      return Status();
    };
    const auto response = NewTransport()->Send(request);
    CHECK(response.ok() != large);
    if (large) {
      CHECK(response.code() == Code::kInvalidReply);
    } else {
      CHECK(response->status == 404);
      CHECK(response->body == "gone");
    }
    CHECK(pieces == 0);
  }
}

TEST_CASE("http: the error of a sink ends the transfer and comes back as it is") {
  ScriptedServer server([&](ScriptedConnection& connection) {
    connection.ReadBody(connection.ReadHead());
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    while (connection.Write(std::string(100'000, 'x'))) {
    }
  });
  std::size_t pieces = 0;
  HttpRequest request = Post(server.url());
  request.max_response_bytes = 0;
  request.sink = [&](std::string_view) {
    return ++pieces < 3 ? Status() : Status(Code::kWriteFailed, "no space");
  };
  const auto response = NewTransport()->Send(request);
  CHECK(response.code() == Code::kWriteFailed);
  CHECK(response.status().message() == "no space");
  CHECK(pieces == 3);
}

TEST_CASE("http: the cap also bounds what a sink gets") {
  const std::string text(300'000, 'x');
  for (const std::string& reply :
       {PlainReply(text), PlainReply(Gzip(text), "Content-Encoding: gzip\r\n")}) {
    ScriptedServer server([&](ScriptedConnection& connection) {
      connection.ReadBody(connection.ReadHead());
      connection.Write(reply);
    });
    std::size_t taken = 0;
    HttpRequest request = Post(server.url());
    request.max_response_bytes = 200'000;
    request.sink = [&](std::string_view piece) {
      taken += piece.size();
      return Status();
    };
    CHECK(NewTransport()->Send(request).code() == Code::kInvalidReply);
    CHECK(taken <= 200'000);
  }
}

TEST_CASE("http: redirects are handed to the caller and the key goes nowhere else") {
  ScriptedServer second(Echo);
  ScriptedServer first([&](ScriptedConnection& connection) {
    for (const char* status : {"301 M", "302 F", "303 S", "307 T", "308 P"}) {
      connection.ReadBody(connection.ReadHead());
      connection.Write(PlainReply("", "Location: " + second.url("/x") + "\r\n", status));
    }
  });
  const auto transport = NewTransport();
  const Secret key("canary");
  for (const int status : {301, 302, 303, 307, 308}) {
    HttpRequest request = Post(first.url());
    request.secret = &key;
    request.secret_header = "x-goog-api-key";
    const auto response = transport->Send(request);
    REQUIRE(response.ok());
    CHECK(response->status == status);
    CHECK(response->location == second.url("/x"));
  }
  CHECK(second.connections() == 0);
}

TEST_CASE("http: proxies named in the environment are not asked") {
  for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"}) {
    setenv(name, "http://127.0.0.1:1", 1);
  }
  ScriptedServer server(Echo);
  CHECK(NewTransport()->Send(Post(server.url())).ok());
  for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"}) unsetenv(name);
}

TEST_CASE("http: a proxy that is no address is refused at once") {
  CurlOptions options;
  options.proxy = "bogus://x";
  CHECK(MakeCurlTransport(options).code() == Code::kInvalidArgument);
}

TEST_CASE("http: a key with a line break is not sent at all") {
  ScriptedServer server(Echo);
  const Secret key("canary\r\nX-Evil: 1");
  HttpRequest request = Post(server.url());
  request.secret = &key;
  request.secret_header = "x-goog-api-key";
  const auto response = NewTransport()->Send(request);
  CHECK(response.code() == Code::kInvalidArgument);
  CHECK_FALSE(Has(response.status(), "canary"));
  CHECK(server.connections() == 0);
}

TEST_CASE("http: destroying the transport ends a send that waits for its answer") {
  Signal arrived;
  ScriptedServer server([&](ScriptedConnection& connection) {
    connection.ReadBody(connection.ReadHead());
    arrived.Raise();
    connection.ReadToEnd();
  });
  auto transport = NewTransport();
  HttpTransport* const raw = transport.get();
  auto send = std::async(std::launch::async, [&] { return raw->Send(Post(server.url())); });
  arrived.Wait();
  transport.reset();
  const auto response = send.get();
  CHECK(response.code() == Code::kCancelled);
  CHECK(Has(response.status(), "may be billed"));
}

}  // namespace embstore
