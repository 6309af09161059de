// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>

namespace embstore::simulator {
namespace {

constexpr std::size_t kMaxHeldUploadBytes = 1U << 20U;

std::optional<std::size_t> ParseSize(std::string_view text, int base) {
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size, base);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return size;
}

}  // namespace

ReadResult Connection::Read(HttpRequest* request) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (buffer_.size() > kMaxHeadBytes) return ReadResult::kTooLarge;
    if (!Fill()) return ReadResult::kClosed;
  }
  auto parsed = ParseHead(std::string_view(buffer_).substr(0, end));
  buffer_.erase(0, end + 4);
  if (!parsed) return ReadResult::kMalformed;
  *request = std::move(*parsed);
  if (request->Header("expect") == "100-continue" && !Send("HTTP/1.1 100 Continue\r\n\r\n")) {
    return ReadResult::kClosed;
  }
  return ReadBody(request);
}

ReadResult Connection::ReadBody(HttpRequest* request) {
  if (request->Header("transfer-encoding") == "chunked") return ReadChunked(&request->body);
  const std::string_view length = request->Header("content-length");
  if (length.empty()) return ReadResult::kOk;
  const auto size = ParseSize(length, 10);
  if (!size) return ReadResult::kMalformed;
  if (*size > kMaxHeldUploadBytes && request->path.starts_with("/upload/")) {
    return Spool(*size, request);
  }
  return ReadSized(*size, &request->body);
}

ReadResult Connection::Spool(std::uint64_t size, HttpRequest* request) {
  if (size > kMaxUploadBytes) return ReadResult::kTooLarge;
  request->spooled_body = std::make_shared<SpoolFile>();
  while (true) {
    const std::uint64_t missing = size - request->spooled_body->size();
    const std::size_t take = std::min<std::uint64_t>(missing, buffer_.size());
    request->spooled_body->Append(std::string_view(buffer_).substr(0, take));
    buffer_.erase(0, take);
    if (take == missing) return ReadResult::kOk;
    if (!Fill()) return ReadResult::kClosed;
  }
}

ReadResult Connection::ReadSized(std::size_t size, std::string* out) {
  if (size > kMaxRequestBytes || out->size() + size > kMaxRequestBytes) {
    return ReadResult::kTooLarge;
  }
  while (buffer_.size() < size) {
    if (!Fill()) return ReadResult::kClosed;
  }
  out->append(buffer_, 0, size);
  buffer_.erase(0, size);
  return ReadResult::kOk;
}

ReadResult Connection::ReadLine(std::string* line) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (buffer_.size() > kMaxHeadBytes) return ReadResult::kTooLarge;
    if (!Fill()) return ReadResult::kClosed;
  }
  *line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return ReadResult::kOk;
}

ReadResult Connection::ReadChunked(std::string* body) {
  std::string line;
  while (true) {
    if (const auto result = ReadLine(&line); result != ReadResult::kOk) return result;
    const auto size = ParseSize(line, 16);
    if (!size) return ReadResult::kMalformed;
    if (*size == 0) break;
    if (const auto result = ReadSized(*size, body); result != ReadResult::kOk) return result;
    if (const auto result = ReadLine(&line); result != ReadResult::kOk) return result;
  }
  do {
    if (const auto result = ReadLine(&line); result != ReadResult::kOk) return result;
  } while (!line.empty());
  return ReadResult::kOk;
}

bool Connection::Fill() {
  std::array<char, 65536> block;
  ssize_t received = 0;
  do {
    received = recv(fd_, block.data(), block.size(), 0);
  } while (received < 0 && errno == EINTR);
  if (received <= 0) return false;
  buffer_.append(block.data(), static_cast<std::size_t>(received));
  return true;
}

bool Connection::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void Connection::ResetOnClose() {
  const linger abort_now{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort_now, sizeof(abort_now));
}

}  // namespace embstore::simulator
