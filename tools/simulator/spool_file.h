// SPDX-License-Identifier: Apache-2.0
// Bytes that are too many for memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace embstore::simulator {

/// A file without a name in the system's temporary directory: it is gone with this object, and
/// with the process, however that ends. All members throw std::system_error. Reading is safe for
/// concurrent use.
class SpoolFile {
 public:
  SpoolFile();
  ~SpoolFile();
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;

  void Append(std::string_view bytes);
  void Append(const SpoolFile& other);

  /// Up to `size` bytes from `offset` on; fewer only at the end.
  std::string Read(std::uint64_t offset, std::size_t size) const;

  std::uint64_t size() const { return size_; }

  /// SHA-256 of the content, 64 lower-case hex digits.
  std::string Sha256Hex() const;

 private:
  int fd_;
  std::uint64_t size_ = 0;
};

}  // namespace embstore::simulator
