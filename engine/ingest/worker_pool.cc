// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/worker_pool.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <span>
#include <system_error>
#include <utility>

#include "engine/base/seeded_bug.h"
#include "engine/record/keys.h"
#include "engine/store/write_run.h"

namespace embstore {

WorkerPool::WorkerPool(BatchEmbedder& embedder, const Store& store, SpaceId space,
                       std::uint32_t threads, std::size_t max_not_durable)
    : embedder_(embedder), store_(store), space_(space), max_not_durable_(max_not_durable) {
  threads_.reserve(threads);
  try {
    for (std::uint32_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;  // Otherwise fewer threads do the work.
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    closing_ = true;
  }
  todo_changed_.notify_all();
}

void WorkerPool::Submit(std::unique_ptr<Batch> batch) {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    todo_.push_back(std::move(batch));
  }
  todo_changed_.notify_one();
}

std::vector<std::unique_ptr<Batch>> WorkerPool::TakeDone(std::chrono::milliseconds wait) {
  std::unique_lock<std::mutex> lock(mutex_);
  done_changed_.wait_for(lock, wait, [this] { return !done_.empty(); });
  std::vector<std::unique_ptr<Batch>> done;
  done.reserve(done_.size());
  std::move(done_.begin(), done_.end(), std::back_inserter(done));
  done_.clear();
  return done;
}

void WorkerPool::Release(std::size_t batches) {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    if (EMBSTORE_SEEDED_BUG("race-of-workers")) lock.unlock();
    not_durable_ -= batches;
  }
  todo_changed_.notify_all();
}

void WorkerPool::Work() {
  const WriteRun::Work work(store_);
  VectorRecordMaker maker;
  for (;;) {
    // Nodes move from list to list, so that no memory is needed to hand a paid answer over.
    std::list<std::unique_ptr<Batch>> batch;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      todo_changed_.wait(lock, [this] {
        return closing_ || (!todo_.empty() && (not_durable_ < max_not_durable_ ||
                                               EMBSTORE_SEEDED_BUG("unbounded-flight")));
      });
      if (closing_) return;
      ++not_durable_;
      batch.splice(batch.end(), todo_, todo_.begin());
    }
    batch.front()->outcome = embedder_.Embed(batch.front()->texts);
    MakeRecords(batch.front().get(), &maker);
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      done_.splice(done_.end(), batch);
    }
    done_changed_.notify_one();
  }
}

void WorkerPool::MakeRecords(Batch* batch, VectorRecordMaker* maker) const {
  const BatchOutcome& outcome = batch->outcome;
  if (outcome.rows.empty()) return;
  const std::size_t dimensions = outcome.vectors.size() / outcome.rows.size();
  try {
    batch->records.reserve(outcome.rows.size());
    for (const BatchOutcome::Row& row : outcome.rows) {
      const TextKey& key = batch->keys[row.text];
      batch->records.push_back(
          maker->Make(VectorKey(space_, key.hash), key.fingerprint,
                      std::span(outcome.vectors).subspan(row.vector * dimensions, dimensions)));
    }
  } catch (const std::bad_alloc&) {
    batch->records.clear();  // What was paid for is handed over all the same.
  }
}

}  // namespace embstore
