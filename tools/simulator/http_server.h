// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server whose replies may misbehave on purpose.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "tools/simulator/connection.h"
#include "tools/simulator/http_message.h"

namespace embstore::simulator {

/// Serves 127.0.0.1 with one thread per open connection, up to `threads`; further connections
/// wait. Connections stay open as long as the client likes.
class HttpServer {
 public:
  /// Called from many threads at once.
  using Handler = std::function<HttpReply(const HttpRequest&)>;

  /// Listens on `port`, or on a free one when it is 0. Throws std::system_error.
  HttpServer(std::uint16_t port, std::size_t threads, Handler handler);

  /// Breaks off open connections and waits for the threads.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  void Work();
  void Serve(int fd);
  bool Answer(const HttpRequest& request, const HttpReply& reply, Connection* connection);
  bool Stream(const HttpReply& reply, bool chunked, Connection* connection);
  bool Drip(const HttpReply& reply, bool chunked, Connection* connection);
  bool Wait(std::chrono::milliseconds duration);
  bool WaitWhileHeld(const HttpReply& reply);
  bool Register(int fd);
  void Unregister(int fd);

  const Handler handler_;
  int listen_fd_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::set<int> open_fds_;
  std::vector<std::thread> workers_;
};

}  // namespace embstore::simulator
