// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/spool_file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "tools/simulator/text.h"

namespace embstore::simulator {
namespace {

constexpr std::size_t kBlockBytes = 1U << 20U;

[[noreturn]] void ThrowErrno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

int OpenUnnamed() {
  std::string path =
      (std::filesystem::temp_directory_path() / "embstore-simulator-XXXXXX").string();
  const int fd = mkostemp(path.data(), O_CLOEXEC);
  if (fd < 0) ThrowErrno("cannot make a temporary file");
  unlink(path.c_str());
  return fd;
}

}  // namespace

SpoolFile::SpoolFile() : fd_(OpenUnnamed()) {}

SpoolFile::~SpoolFile() { close(fd_); }

void SpoolFile::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) ThrowErrno("cannot write a temporary file");
    bytes.remove_prefix(static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
}

void SpoolFile::Append(const SpoolFile& other) {
  for (std::uint64_t at = 0; at < other.size(); at += kBlockBytes) {
    Append(other.Read(at, kBlockBytes));
  }
}

std::string SpoolFile::Read(std::uint64_t offset, std::size_t size) const {
  std::string bytes(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got =
        pread(fd_, bytes.data() + filled, size - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) ThrowErrno("cannot read a temporary file");
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

std::string SpoolFile::Sha256Hex() const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  for (std::uint64_t at = 0; at < size_; at += kBlockBytes) {
    const std::string block = Read(at, kBlockBytes);
    EVP_DigestUpdate(context.get(), block.data(), block.size());
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  return Hex({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace embstore::simulator
