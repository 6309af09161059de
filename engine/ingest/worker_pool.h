// SPDX-License-Identifier: Apache-2.0
// Threads that embed batches while one thread reads, commits and reports.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "embstore/identity.h"
#include "engine/ingest/batch_embedder.h"
#include "engine/ingest/plan.h"
#include "engine/store/vector_records.h"

namespace embstore {

/// A batch on its way: what is needed to send it and to store its outcome.
struct Batch {
  std::uint64_t number = 0;  ///< 1-based.
  BatchRange range;          ///< Into ScanResult::missing.
  BatchTexts texts;
  std::vector<TextKey> keys;
  std::vector<std::string> document_ids;
  BatchOutcome outcome;
  std::vector<VectorRecords> records;  ///< Of outcome.rows; empty: there was no memory for them.
};

/// Safe for concurrent use. The destructor lets requests under way finish.
class WorkerPool {
 public:
  /// Its threads work for the run on `store`, and make the records for `space`.
  WorkerPool(BatchEmbedder& embedder, const Store& store, SpaceId space, std::uint32_t threads,
             std::size_t max_not_durable);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void Submit(std::unique_ptr<Batch> batch);

  /// All batches that are done, in any order; waits for the first one at most `wait`.
  std::vector<std::unique_ptr<Batch>> TakeDone(std::chrono::milliseconds wait);

  /// `batches` that were taken are durable now. A thread begins a batch only while fewer than
  /// `max_not_durable` are sent and not yet durable, which bounds what a crash can make be paid
  /// twice.
  void Release(std::size_t batches);

 private:
  void Work();
  void MakeRecords(Batch* batch, VectorRecordMaker* maker) const;

  BatchEmbedder& embedder_;
  const Store& store_;
  const SpaceId space_;
  const std::size_t max_not_durable_;

  std::mutex mutex_;
  std::condition_variable todo_changed_;
  std::condition_variable done_changed_;
  // Guarded by mutex_.
  std::list<std::unique_ptr<Batch>> todo_;
  std::list<std::unique_ptr<Batch>> done_;
  std::size_t not_durable_ = 0;
  bool closing_ = false;

  std::vector<std::jthread> threads_;  // Last: joined before the rest goes.
};

}  // namespace embstore
