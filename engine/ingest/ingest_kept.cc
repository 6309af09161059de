// SPDX-License-Identifier: Apache-2.0
// Answers that are paid for when the disk fails: kept outside the store until the next run stores
// them.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "engine/base/crash_point.h"
#include "engine/ingest/ingest_run.h"
#include "engine/store/kept_files.h"

namespace embstore {
namespace {

// A vector lies in the log and in a table for a while; and what belongs to it beside text and
// vector.
constexpr std::uint64_t kCopies = 2;
constexpr std::uint64_t kRecordBytes = 512;
// Estimates of a provider may leave out what JSON adds to a text.
constexpr std::uint64_t kTextMargin = 2;

/// Whether there is too little space, or a quota or a limit said so; else the disk itself failed.
bool LacksSpace(const std::filesystem::path& directory, const std::string& problem,
                std::uint64_t needed) {
  for (const int error : {ENOSPC, EDQUOT, EFBIG}) {
    if (problem.find(std::generic_category().message(error)) != std::string::npos) return true;
  }
  std::error_code failed;
  const auto space = std::filesystem::space(directory, failed);
  return !failed && space.available < needed;
}

}  // namespace

void IngestRun::ReportEarlierReplies() {
  const StoreWriter::EarlierReplies earlier = writer_.TakeEarlierReplies();
  for (const std::string& damaged : earlier.damaged) observer_.OnWarning(damaged);
  if (earlier.stored_texts == 0) return;
  observer_.OnNotice(std::to_string(earlier.stored_texts) +
                     " texts that an earlier run paid for and could not store are stored now");
}

Status IngestRun::TakeReserve() {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  if (provider_.paid() && options_.mode == IngestMode::kSync) {
    files = std::min<std::size_t>(limits_.concurrency, batches_.size());
    for (const BatchRange& range : batches_) {
      std::uint64_t text_bytes = 0;
      for (std::size_t i = range.begin; i < range.end; ++i) {
        text_bytes += kTextMargin * scan_.missing[i].encoded_bytes;
      }
      bytes = std::max(bytes, MostKeptBytes(range.end - range.begin, text_bytes,
                                            provider_.identity().dimensions));
    }
  }
  auto taken = ReplyReserve::Take(store_.directory(), files, bytes);
  if (!taken.ok()) return taken.status();
  reserve_ = std::move(*taken);
  return {};
}

void IngestRun::KeepPaid(const std::vector<std::unique_ptr<Batch>>& done) {
  for (const auto& batch : done) {
    if (!batch->outcome.shares.empty()) KeepBatch(*batch);
  }
}

void IngestRun::KeepBatch(const Batch& batch) {
  Commit commit = NewCommit();
  commit.run = run_;
  AddRows(batch, &commit);
  const std::string content = EncodeKept(commit, options_.price);
  const auto path = KeptPath(store_.directory(), commit.shares.front().request);
  if (Status kept = reserve_->Keep(path, content); !kept.ok()) {
    lost_texts_ += commit.embedded.size();
    report_.in_doubt += commit.embedded.size();
    observer_.OnWarning(kept.message());
    return;
  }
  EMBSTORE_CRASH_POINT("reply-kept");
  report_.kept += commit.embedded.size();
  kept_bytes_ += content.size();
}

std::uint64_t IngestRun::BytesToGoOn() const {
  std::uint64_t text_bytes = 0;
  for (const MissingText& text : scan_.missing) text_bytes += text.encoded_bytes;
  const std::uint64_t total = std::max<std::uint64_t>(scan_.missing.size(), 1);
  const std::uint64_t left = total - std::min(total, report_.embedded);
  const std::uint64_t each =
      text_bytes / total + sizeof(float) * provider_.identity().dimensions + kRecordBytes;
  return left * each * kCopies + reserve_->bytes();
}

void IngestRun::ExplainKept() {
  if (report_.kept + lost_texts_ == 0 && report_.outcome.code() != Code::kWriteFailed) return;
  std::string message = report_.outcome.message();
  if (report_.kept > 0) {
    message += ". " + std::to_string(report_.kept) + " texts that were paid for are kept in '" +
               JobsDirectory(store_.directory()).string() + "' (" + std::to_string(kept_bytes_) +
               " bytes)";
  }
  if (lost_texts_ > 0) {
    message += ". " + std::to_string(lost_texts_) +
               " texts that were paid for could not be written anywhere and are in doubt";
  }
  message += (LacksSpace(store_.directory(), report_.outcome.message(), BytesToGoOn())
                  ? ". About " + std::to_string(BytesToGoOn()) +
                        " bytes are needed for the rest: when they are free, the same command "
                  : std::string(". When the disk can be written to again, the same command ")) +
             (report_.kept > 0 ? "stores what is kept, without paying for it again, and goes on"
                               : "goes on");
  report_.outcome = Status(report_.outcome.code(), std::move(message));
}

}  // namespace embstore
