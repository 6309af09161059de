// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "engine/http/transport.h"
#include "tests/unit/http/scripted_server.h"

namespace embstore {
namespace {

std::unique_ptr<HttpTransport> NewTransport() {
  auto transport = MakeCurlTransport(CurlOptions());
  REQUIRE(transport.ok());
  return *std::move(transport);
}

HttpRequest Post(std::string url, std::string_view body = "body") {
  HttpRequest request;
  request.url = std::move(url);
  request.body = body;
  request.total_timeout = std::chrono::seconds(20);
  return request;
}

/// What Send says about a server that answers with `reply` and closes.
Result<HttpResponse> Answer(const std::string& reply, bool reset = false) {
  ScriptedServer server([&](ScriptedConnection& connection) {
    connection.ReadBody(connection.ReadHead());
    connection.Write(reply);
    if (reset) connection.Reset();
  });
  return NewTransport()->Send(Post(server.url()));
}

bool InDoubt(const Result<HttpResponse>& response) {
  return response.code() == Code::kInDoubt &&
         response.status().message().find("may have been billed") != std::string::npos;
}

/// Each cut of `reply` must give an error; only the whole reply may give `body`.
void CheckEveryCut(const std::string& reply, const std::string& body) {
  for (const bool reset : {false, true}) {
    std::atomic<std::size_t> cut{0};
    ScriptedServer server([&](ScriptedConnection& connection) {
      connection.ReadBody(connection.ReadHead());
      connection.Write(std::string_view(reply).substr(0, cut));
      if (reset) connection.Reset();
    });
    const auto transport = NewTransport();
    for (; cut < reply.size(); ++cut) {
      const auto response = transport->Send(Post(server.url()));
      CAPTURE(cut.load());
      CAPTURE(reset);
      if (response.ok()) {
        CHECK(response->body == body);  // Only framing is missing.
        CHECK(response->status == 200);
      } else {
        CHECK(InDoubt(response));
      }
      CHECK((!response.ok() || cut + 8 >= reply.size()));
    }
  }
  const auto whole = Answer(reply);
  REQUIRE(whole.ok());
  CHECK(whole->body == body);
}

}  // namespace

TEST_CASE("http: a reply with a length, cut at any byte, is never taken for whole") {
  CheckEveryCut(PlainReply("{\"a\":[1,2,3]}", "Content-Type: application/json\r\n"),
                "{\"a\":[1,2,3]}");
}

TEST_CASE("http: a chunked reply, cut at any byte, is never taken for whole") {
  CheckEveryCut(ChunkedReply("{\"a\":[1,2,3]}"), "{\"a\":[1,2,3]}");
}

TEST_CASE("http: a gzip reply, cut at any byte, is never taken for whole") {
  const std::string text = "{\"a\":[1,2,3,1,2,3,1,2,3]}";
  const std::string gzip = "Content-Encoding: gzip\r\n";
  CheckEveryCut(PlainReply(Gzip(text), gzip), text);
  CheckEveryCut(ChunkedReply(Gzip(text), gzip), text);
  const std::string headers = "HTTP/1.1 200 OK\r\n" + gzip + "Connection: close\r\n\r\n";
  for (std::size_t size = 1; size < Gzip(text).size(); ++size) {
    CHECK(InDoubt(Answer(headers + Gzip(text).substr(0, size))));
  }
}

TEST_CASE("http: gzip that was cut before it was framed is not whole") {
  const std::string packed = Gzip(std::string(50'000, 'x') + "tail");
  CHECK(InDoubt(
      Answer(PlainReply(packed.substr(0, packed.size() / 2), "Content-Encoding: gzip\r\n"))));
  CHECK(InDoubt(
      Answer(PlainReply(packed.substr(0, packed.size() - 1), "Content-Encoding: gzip\r\n"))));
}

TEST_CASE("http: a download that is cut is in doubt, though its sink got bytes") {
  const std::string text(200'000, 'x');
  const std::string gzip = "Content-Encoding: gzip\r\n";
  for (const std::string& reply : {PlainReply(text), ChunkedReply(text.substr(0, 5000)),
                                   PlainReply(Gzip(text + text), gzip)}) {
    for (const bool reset : {false, true}) {
      ScriptedServer server([&](ScriptedConnection& connection) {
        connection.ReadHead();
        connection.Write(std::string_view(reply).substr(0, reply.size() - 9));
        if (reset) connection.Reset();
      });
      std::size_t taken = 0;
      HttpRequest request = Post(server.url(), "");
      request.method = "GET";
      request.max_response_bytes = 0;
      request.sink = [&](std::string_view piece) {
        taken += piece.size();
        return Status();
      };
      CHECK(InDoubt(NewTransport()->Send(request)));
      if (!reset) CHECK(taken > 0);
    }
  }
}

TEST_CASE("http: a connection closed or reset before the answer is in doubt") {
  CHECK(InDoubt(Answer("")));
  CHECK(InDoubt(Answer("", true)));
  CHECK(InDoubt(Answer("HTTP/1.1 100 Continue\r\n\r\n")));
  CHECK(InDoubt(Answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", true)));
}

TEST_CASE("http: gzip that is damaged on the way is in doubt") {
  std::string packed = Gzip("some text, some text");
  packed[packed.size() - 6] ^= 1;  // In the checksum.
  CHECK(InDoubt(Answer(PlainReply(packed, "Content-Encoding: gzip\r\n"))));
  CHECK(InDoubt(Answer(PlainReply("no gzip", "Content-Encoding: gzip\r\n"))));
  CHECK(InDoubt(Answer(PlainReply(Gzip("a") + "x", "Content-Encoding: gzip\r\n"))));
}

TEST_CASE("http: a body over the cap is refused however it is sent") {
  const std::string big(3 << 20, 'x');
  const std::string gzip = "Content-Encoding: gzip\r\n";
  for (const std::string& reply :
       {PlainReply(big), ChunkedReply(big), PlainReply(Gzip(big), gzip)}) {
    const auto response = Answer(reply);
    REQUIRE_FALSE(response.ok());
    CHECK(response.code() == Code::kInvalidReply);
    CHECK(response.status().message().find("larger") != std::string::npos);
  }
}

TEST_CASE("http: a gzip bomb stops at the cap") {
  const std::string bomb = Gzip(std::string(100 << 20, '\0'));
  CHECK(bomb.size() < (1 << 20));
  const auto response = Answer(PlainReply(bomb, "Content-Encoding: gzip\r\n"));
  CHECK(response.code() == Code::kInvalidReply);
}

TEST_CASE("http: endless headers, interim answers and bodies are refused") {
  const std::pair<const char*, std::string> floods[] = {
      {"HTTP/1.1 200 OK\r\n", "X-Flood: 0123456789012345678901234567890123456789\r\n"},
      {"HTTP/1.1 200 OK\r\nX: ", std::string(1000, 'x')},
      {"", "HTTP/1.1 100 Continue\r\n\r\n"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nabcde\r\n"},
      {"HTTP/1.1 200 OK\r\n\r\n", std::string(1000, 'x')},
  };
  for (const auto& [start, more] : floods) {
    ScriptedServer server([&](ScriptedConnection& connection) {
      connection.ReadBody(connection.ReadHead());
      if (!connection.Write(start)) return;
      for (std::size_t sent = 0; sent < (100 << 20); sent += more.size()) {
        if (!connection.Write(more)) return;
      }
    });
    const auto response = NewTransport()->Send(Post(server.url()));
    CAPTURE(start);
    CAPTURE(response.status().message());
    REQUIRE_FALSE(response.ok());
    CHECK(response.code() == Code::kInvalidReply);
  }
}

TEST_CASE("http: answers that are not HTTP/1 are refused") {
  for (const char* reply :
       {"hello, I am HTTP/0.9\n", "{\"embeddings\":[]}", "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx"}) {
    const auto response = Answer(reply);
    CAPTURE(reply);
    CAPTURE(response.status().message());
    REQUIRE_FALSE(response.ok());
    CHECK((response.code() == Code::kInvalidReply || InDoubt(response)));
  }
  CHECK(Answer("hello, I am HTTP/0.9\n").code() == Code::kInvalidReply);
}

TEST_CASE("http: a reused connection that dies takes one POST with it, not two") {
  std::atomic<int> posts{0};
  ScriptedServer server([&](ScriptedConnection& connection) {
    for (int request = 1; true; ++request) {
      const std::string head = connection.ReadHead();
      if (head.empty()) return;
      ++posts;
      connection.ReadBody(head);
      if (connection.number() == 1 && request == 2) return;  // Billed, then dead.
      connection.Write(PlainReply("ok"));
    }
  });
  const auto transport = NewTransport();
  CHECK(transport->Send(Post(server.url())).ok());
  CHECK(InDoubt(transport->Send(Post(server.url()))));
  CHECK(posts == 2);
  CHECK(transport->Send(Post(server.url())).ok());
  CHECK(posts == 3);
}

TEST_CASE("http: not even a GET is sent twice by one send") {
  std::atomic<int> gets{0};
  ScriptedServer server([&](ScriptedConnection& connection) {
    for (int request = 1; !connection.ReadHead().empty(); ++request) {
      ++gets;
      if (connection.number() == 1 && request == 2) return;
      connection.Write(PlainReply("ok"));
    }
  });
  const auto transport = NewTransport();
  HttpRequest request = Post(server.url(), "");
  request.method = "GET";
  CHECK(transport->Send(request).ok());
  CHECK(transport->Send(request).code() == Code::kInDoubt);
  CHECK(gets == 2);
  request.repeatable = true;
  ScriptedServer mute([](ScriptedConnection& connection) { connection.ReadHead(); });
  request.url = mute.url();
  CHECK(transport->Send(request).code() == Code::kUnavailable);
}

TEST_CASE("http: a reused connection that dies before it reads the body sends no second head") {
  std::atomic<int> posts{0};
  ScriptedServer server([&](ScriptedConnection& connection) {
    for (int request = 1; true; ++request) {
      const std::string head = connection.ReadHead();
      if (head.empty()) return;
      ++posts;
      if (connection.number() == 1 && request == 2) return connection.Reset();
      connection.ReadBody(head);
      connection.Write(PlainReply("ok"));
    }
  });
  const auto transport = NewTransport();
  const std::string body(3'000'000, 'x');
  CHECK(transport->Send(Post(server.url(), body)).ok());
  CHECK(transport->Send(Post(server.url(), body)).code() == Code::kInDoubt);
  CHECK(posts == 2);
}

TEST_CASE("http: each send makes at most one POST when idle connections are closed") {
  std::atomic<int> posts{0};
  Signal closed;
  ScriptedServer server([&](ScriptedConnection& connection) {
    const std::string head = connection.ReadHead();
    ++posts;
    connection.ReadBody(head);
    connection.Write(PlainReply("ok"));
    connection.Close();
    closed.Raise();
  });
  const auto transport = NewTransport();
  CHECK(transport->Send(Post(server.url())).ok());
  closed.Wait();
  CHECK(transport->Send(Post(server.url())).ok());
  CHECK(posts == 2);
}

TEST_CASE("http: after an error the connection is not used again") {
  ScriptedServer server([&](ScriptedConnection& connection) {
    while (true) {
      const std::string head = connection.ReadHead();
      if (head.empty()) return;
      connection.ReadBody(head);
      const bool first = connection.number() == 1;
      if (!connection.Write(PlainReply(std::string(first ? 2 << 20 : 2, 'x')))) return;
    }
  });
  const auto transport = NewTransport();
  CHECK(transport->Send(Post(server.url())).code() == Code::kInvalidReply);
  CHECK(transport->Send(Post(server.url())).ok());
  CHECK(server.connections() == 2);
}

TEST_CASE("http: bytes behind an answer do not become the next answer") {
  ScriptedServer server([&](ScriptedConnection& connection) {
    while (true) {
      const std::string head = connection.ReadHead();
      if (head.empty()) return;
      connection.ReadBody(head);
      const std::string right = PlainReply("right");
      if (!connection.Write(connection.number() == 1 ? right + PlainReply("stale") : right)) return;
    }
  });
  const auto transport = NewTransport();
  for (int i = 0; i < 2; ++i) {
    const auto response = transport->Send(Post(server.url()));
    REQUIRE(response.ok());
    CHECK(response->body == "right");
  }
}

}  // namespace embstore
