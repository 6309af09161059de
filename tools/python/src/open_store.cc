// SPDX-License-Identifier: Apache-2.0
#include "open_store.h"

#include <string>

namespace embstore::python {

OpenStore::OpenStore(std::filesystem::path directory, StoreOptions options)
    : directory_(std::move(directory)), options_(std::move(options)) {
  auto opened = [&] {
    const GilReleased released;
    return Store::Open(directory_, options_);
  }();
  store_ = Take(std::move(opened));
}

OpenStore::~OpenStore() {
  if (forked_away()) {
    new std::shared_ptr<Store>(std::move(store_));  // Never destroyed.
    return;
  }
  const GilReleased released;
  store_.reset();
}

Status OpenStore::Usable() const {
  if (forked_away()) {
    return {Code::kInvalidArgument,
            "this store was opened before the process forked: open it again in the new process"};
  }
  if (!store_) return {Code::kInvalidArgument, "the store is closed"};
  return {};
}

void OpenStore::Close() {
  if (runs_.load() > 0) {
    Refuse("the store is in use by ingest: let it end, or interrupt it, then close the store");
  }
  const Status closed = [&] {
    const GilReleased released;
    const std::unique_lock<std::shared_mutex> lock(mutex_);
    if (!Usable().ok()) return Status();
    Status flushed = store_->Close();
    store_.reset();
    return flushed;
  }();
  Check(closed);
}

void OpenStore::Refresh() {
  if (!options_.read_only) return;  // It sees its own writes, and there are no others.
  const Status opened = [&] {
    const GilReleased released;
    auto fresh = Store::Open(directory_, options_);
    if (!fresh.ok()) return fresh.status();
    const std::unique_lock<std::shared_mutex> lock(mutex_);
    if (Status usable = Usable(); !usable.ok()) return usable;
    store_ = std::move(*fresh);
    return Status();
  }();
  Check(opened);
}

bool OpenStore::closed() {
  if (forked_away()) return false;
  const GilReleased released;
  const std::shared_lock<std::shared_mutex> lock(mutex_);
  return !store_;
}

}  // namespace embstore::python
