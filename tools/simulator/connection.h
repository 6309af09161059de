// SPDX-License-Identifier: Apache-2.0
// One accepted TCP connection that speaks HTTP/1.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tools/simulator/http_message.h"

namespace embstore::simulator {

inline constexpr std::size_t kMaxHeadBytes = 65536;
inline constexpr std::size_t kMaxRequestBytes = 64U << 20U;
inline constexpr std::uint64_t kMaxUploadBytes = 2ULL << 30U;

enum class ReadResult { kOk, kClosed, kMalformed, kTooLarge };

/// Borrows the descriptor; its owner closes it. Not thread-safe; one thread at a time.
class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}

  /// Waits for a whole request with its body. Uploads may be as large as the service allows.
  ReadResult Read(HttpRequest* request);

  /// False when the peer is gone.
  bool Send(std::string_view bytes);

  /// Makes the coming close() of the descriptor a TCP reset.
  void ResetOnClose();

 private:
  bool Fill();
  ReadResult ReadSized(std::size_t size, std::string* out);
  ReadResult ReadLine(std::string* line);
  ReadResult ReadChunked(std::string* body);
  ReadResult ReadBody(HttpRequest* request);
  ReadResult Spool(std::uint64_t size, HttpRequest* request);

  int fd_;
  std::string buffer_;  ///< received, not yet consumed
};

}  // namespace embstore::simulator
