// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/http_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace embstore::simulator {
namespace {

constexpr int kBacklog = 1024;

[[noreturn]] void ThrowErrno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

int Listen(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) ThrowErrno("socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(fd, kBacklog) != 0) {
    const int error = errno;
    close(fd);
    throw std::system_error(error, std::generic_category(),
                            "cannot listen on port " + std::to_string(port));
  }
  return fd;
}

std::uint16_t PortOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) ThrowErrno("getsockname");
  return ntohs(address.sin_port);
}

}  // namespace

HttpServer::HttpServer(std::uint16_t port, std::size_t threads, Handler handler)
    : handler_(std::move(handler)), listen_fd_(Listen(port)), port_(PortOf(listen_fd_)) {
  for (std::size_t i = 0; i < threads; ++i) workers_.emplace_back([this] { Work(); });
}

HttpServer::~HttpServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    shutdown(listen_fd_, SHUT_RDWR);
    for (const int fd : open_fds_) shutdown(fd, SHUT_RDWR);
  }
  stopped_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  close(listen_fd_);
}

void HttpServer::Work() {
  while (true) {
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      if (!Wait(std::chrono::milliseconds{1})) return;
      continue;
    }
    // Without this, the last piece of a reply waits for the client's delayed acknowledgement.
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const bool serving = Register(fd);
    if (serving) Serve(fd);
    Unregister(fd);
    close(fd);
    if (!serving) return;
  }
}

void HttpServer::Serve(int fd) {
  Connection connection(fd);
  while (true) {
    HttpRequest request;
    switch (connection.Read(&request)) {
      case ReadResult::kOk:
        break;
      case ReadResult::kClosed:
        return;
      case ReadResult::kMalformed:
        connection.Send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        return;
      case ReadResult::kTooLarge:
        connection.Send("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    if (!Answer(request, handler_(request), &connection)) return;
  }
}

// False when the connection must not be used again.
bool HttpServer::Answer(const HttpRequest& request, const HttpReply& reply,
                        Connection* connection) {
  if (!Wait(reply.delay) || !WaitWhileHeld(reply)) return false;
  if (reply.delivery == Delivery::kReset) connection->ResetOnClose();
  if (reply.delivery == Delivery::kReset || reply.delivery == Delivery::kClose) return false;
  const bool chunked = request.chunks_allowed && !reply.sized;
  const std::string head = FormatHead(reply, chunked, request.keep_alive);
  if (reply.source) {
    return connection->Send(head) && Stream(reply, chunked, connection) && request.keep_alive;
  }
  if (reply.byte_interval.count() > 0) {
    return connection->Send(head) && Drip(reply, chunked, connection) && request.keep_alive;
  }
  std::string body = chunked ? FormatChunks(reply.body) : reply.body;
  if (reply.delivery == Delivery::kCutBody) {
    body.resize(body.size() / 2);
    connection->Send(head + body);
    return false;
  }
  if (chunked) body += kLastChunk;
  return connection->Send(head) && connection->Send(body) && request.keep_alive;
}

// A source that is to be cut has ended early already; only the end of the body is left out.
bool HttpServer::Stream(const HttpReply& reply, bool chunked, Connection* connection) {
  std::string piece;
  while (reply.source(&piece)) {
    if (!Wait(reply.byte_interval)) return false;
    if (!connection->Send(chunked ? FormatChunks(piece) : piece)) return false;
  }
  if (reply.delivery == Delivery::kCutBody) return false;
  return !chunked || connection->Send(kLastChunk);
}

bool HttpServer::Drip(const HttpReply& reply, bool chunked, Connection* connection) {
  const bool cut = reply.delivery == Delivery::kCutBody;
  const std::size_t count = cut ? reply.body.size() / 2 : reply.body.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view byte = std::string_view(reply.body).substr(i, 1);
    if (!Wait(reply.byte_interval)) return false;
    if (!connection->Send(chunked ? FormatChunks(byte) : std::string(byte))) return false;
  }
  if (cut) return false;
  return !chunked || connection->Send(kLastChunk);
}

// False as soon as the server stops.
bool HttpServer::Wait(std::chrono::milliseconds duration) {
  std::unique_lock lock(mutex_);
  if (duration.count() == 0) return !stopping_;
  return !stopped_.wait_for(lock, duration, [this] { return stopping_; });
}

bool HttpServer::WaitWhileHeld(const HttpReply& reply) {
  constexpr std::chrono::milliseconds kLook{2};
  while (!reply.held_by.empty() && access(reply.held_by.c_str(), F_OK) == 0) {
    if (!Wait(kLook)) return false;
  }
  return true;
}

bool HttpServer::Register(int fd) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return false;
  open_fds_.insert(fd);
  return true;
}

void HttpServer::Unregister(int fd) {
  const std::lock_guard lock(mutex_);
  open_fds_.erase(fd);
}

}  // namespace embstore::simulator
