// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/row_matrix.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/file.h"

namespace embstore {

Result<std::unique_ptr<RowMatrix>> RowMatrix::Create(const std::filesystem::path& directory,
                                                     std::size_t rows, std::size_t dimensions) {
  const std::size_t bytes = rows * dimensions * sizeof(float);
  const auto created = CreateUnnamedFile(directory);
  if (!created.ok()) return created.status();
  const int fd = *created;
  // Taken now, so that a full disk is an error here and not a signal later.
  const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  void* const data =
      error != 0 ? MAP_FAILED : ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const int reason = error != 0 ? error : errno;
  ::close(fd);
  if (data == MAP_FAILED) return ErrnoStatus(Code::kWriteFailed, "make room in", directory, reason);
  return std::unique_ptr<RowMatrix>(new RowMatrix(static_cast<float*>(data), bytes, dimensions));
}

RowMatrix::~RowMatrix() { ::munmap(data_, bytes_); }

}  // namespace embstore
