// SPDX-License-Identifier: Apache-2.0
#include "engine/store/rocksdb_status.h"

#include <string>

namespace embstore {
namespace {

Code CodeOf(const rocksdb::Status& status) {
  if (status.IsNotFound()) return Code::kNotFound;
  if (status.IsCorruption()) return Code::kCorruption;
  if (status.IsPathNotFound()) return Code::kUnavailable;
  if (status.IsIOError() || status.IsNoSpace()) return Code::kWriteFailed;
  if (status.IsBusy() || status.IsTimedOut() || status.IsTryAgain()) return Code::kUnavailable;
  return Code::kInternal;
}

std::string_view Advice(const rocksdb::Status& status) {
  if (status.IsNoSpace()) {
    return "; everything acknowledged so far is safe: free some space and run the same command "
           "again";
  }
  if (status.IsPathNotFound()) {
    return "; a writer may have replaced files while they were read: run the command again";
  }
  if (status.IsIOError()) {
    return "; everything acknowledged so far is safe: check the disk and run the same command "
           "again";
  }
  if (status.IsCorruption()) {
    return kRestoreAdvice;
  }
  return "";
}

}  // namespace

Status FromRocks(const rocksdb::Status& status, std::string_view doing) {
  return {CodeOf(status),
          "cannot " + std::string(doing) + ": " + status.ToString() + std::string(Advice(status))};
}

}  // namespace embstore
