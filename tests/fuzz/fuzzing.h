// SPDX-License-Identifier: Apache-2.0
// What the fuzzing targets share. A target reads one input and aborts when a promise is broken; a
// target must do the same for the same input, whatever came before.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embstore/provider.h"
#include "embstore/status.h"
#include "engine/base/text.h"
#include "engine/dataset/byte_source.h"
#include "tests/support/temp_dir.h"

namespace embstore::fuzz {

[[noreturn]] inline void Break(const char* promise, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken: %s\n", file, line, promise);
  std::abort();
}

#define FUZZ_CHECK(condition) \
  ((condition) ? void() : ::embstore::fuzz::Break(#condition, __FILE__, __LINE__))

/// Takes an input apart from its beginning; behind the end there are zeros. A view.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  template <typename Number = std::uint8_t>
  Number Take() {
    Number number{};
    const std::string_view bytes = Bytes(sizeof number);
    std::memcpy(&number, bytes.data(), bytes.size());
    return number;
  }

  /// At most `size` bytes.
  std::string_view Bytes(std::size_t size) {
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(bytes.size());
    return bytes;
  }

  /// Up to `end`, which is skipped, or all.
  std::string_view Until(char end) {
    const std::size_t at = rest_.find(end);
    const std::string_view bytes = Bytes(at);
    if (!rest_.empty()) rest_.remove_prefix(1);
    return bytes;
  }

  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Serves `bytes` in pieces. Not thread-safe; one thread at a time.
class PieceSource final : public ByteSource {
 public:
  PieceSource(std::string_view bytes, std::size_t piece) : rest_(bytes), piece_(piece) {}

  Result<std::size_t> Read(std::span<char> buffer) override {
    const std::size_t size = std::min({piece_, buffer.size(), rest_.size()});
    std::copy_n(rest_.data(), size, buffer.data());
    rest_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view rest_;
  const std::size_t piece_;
};

inline std::unique_ptr<ByteSource> Pieces(std::string_view bytes, std::size_t piece) {
  return std::make_unique<PieceSource>(bytes, piece);
}

/// How inputs are cut: what is read must not depend on it.
inline constexpr std::size_t kWhole = 1 << 20;
inline constexpr std::size_t kPieces[] = {1, 3};

/// A directory of this process.
inline const std::filesystem::path& Scratch() {
  static const testing::TempDir directory;
  return directory.path();
}

inline std::filesystem::path WriteScratch(const std::string& name, std::string_view bytes) {
  std::filesystem::path path = Scratch() / name;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  FUZZ_CHECK(fd >= 0);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    FUZZ_CHECK(written > 0);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  ::close(fd);
  return path;
}

inline bool IsUtf8(std::string_view text) {
  return FindInvalidUtf8(text) == std::string_view::npos;
}

/// Whether a terminal shows `text` and does nothing else.
inline bool IsShowable(std::string_view text) { return Printable(text, text.size()) == text; }

inline const Secret& Key() {
  static const Secret key("canary-key-0123456789");
  return key;
}

/// Messages are for people: short, and of printable characters.
inline void CheckMessage(const Status& status) {
  FUZZ_CHECK(!status.ok());
  FUZZ_CHECK(!status.message().empty());
  FUZZ_CHECK(status.message().size() < 6000);
  FUZZ_CHECK(IsShowable(status.message()));
}

/// Messages about a server's words are without the key, too.
inline void CheckKeyless(const Status& status) {
  CheckMessage(status);
  FUZZ_CHECK(status.message().find(Key().Reveal()) == std::string::npos);
}

/// Vectors that may be stored: as many numbers as expected, finite, none of them only zeros.
inline void CheckVectors(std::span<const float> values, std::size_t rows, std::size_t dimensions) {
  FUZZ_CHECK(values.size() == rows * dimensions);
  for (std::size_t row = 0; row < rows; ++row) {
    bool zero = true;
    for (const float value : values.subspan(row * dimensions, dimensions)) {
      FUZZ_CHECK(std::isfinite(value));
      zero = zero && value == 0.0F;
    }
    FUZZ_CHECK(!zero);
  }
}

inline bool SameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

}  // namespace embstore::fuzz
