// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/job_collector.h"

#include <algorithm>

#include "engine/base/seeded_bug.h"
#include "engine/base/text.h"
#include "engine/pairing/pairing_check.h"

namespace embstore {
namespace {

// Rows of one commit, and of one pairing check.
constexpr std::size_t kBlockRows = 256;

Status Held(std::string what) { return {Code::kHeld, std::move(what)}; }

}  // namespace

JobCollector::JobCollector(const Provider& provider, const BatchApi& api, SpendGate& gate,
                           const CommitSink& commit, const std::vector<JobText>& texts)
    : provider_(provider),
      api_(api),
      gate_(gate),
      commit_(commit),
      texts_(texts),
      dimensions_(provider.identity().dimensions) {
  by_key_.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) by_key_.emplace(ToHex(texts[i].key.hash), i);
}

Result<CollectOutcome> JobCollector::Collect(const std::filesystem::path& path,
                                             std::uint64_t request, const CollectOptions& options) {
  outcome_ = {};
  Status status = Read(path, options);
  if (status.ok() && options.check_pairing && !options.accept) {
    // Vectors may have been moved along the input, or along the result.
    status = CheckPairings(arrival_);
    std::sort(arrival_.begin(), arrival_.end());
    if (status.ok()) status = CheckPairings(arrival_);
  }
  if (status.ok()) status = StoreRows(request, options.skip);
  if (!status.ok()) return status;
  ReportFailed(options.partial);
  return std::move(outcome_);
}

Status JobCollector::Read(const std::filesystem::path& path, const CollectOptions& options) {
  auto matrix = RowMatrix::Create(path.parent_path(), texts_.size(), dimensions_);
  if (!matrix.ok()) return matrix.status();
  vectors_ = std::move(*matrix);
  states_.assign(texts_.size(), RowState::kMissing);
  tokens_.assign(texts_.size(), std::nullopt);
  errors_.clear();
  arrival_.clear();
  std::uint64_t line_number = 0;
  Status read = ForEachLine(path, [&](std::string_view line) -> Status {
    ++line_number;
    auto row = api_.ReadResultRow(line);
    Status taken = row.ok() ? TakeRow(std::move(*row))
                            : Held("line " + std::to_string(line_number) +
                                   " of its result: " + row.status().message());
    return options.accept ? Status() : taken;
  });
  if (!read.ok()) return read;
  const auto missing = std::count(states_.begin(), states_.end(), RowState::kMissing);
  if (missing == 0 || options.partial || options.accept ||
      EMBSTORE_SEEDED_BUG("missing-row-accepted"))
    return {};
  return Held("its result lacks " + std::to_string(missing) + " of " +
              std::to_string(texts_.size()) + " rows");
}

Status JobCollector::TakeRow(BatchResultRow row) {
  const auto found = by_key_.find(row.key);
  if (found == by_key_.end()) {
    return Held("its result has a row with the unknown key '" + Printable(row.key, 80) + "'");
  }
  const std::size_t index =
      EMBSTORE_SEEDED_BUG("matched-by-position") ? arrival_.size() + errors_.size() : found->second;
  if (states_[index] != RowState::kMissing && !EMBSTORE_SEEDED_BUG("row-twice-accepted")) {
    return Held("its result has two rows with the key '" + Printable(row.key, 80) + "'");
  }
  if (!row.error.ok()) {
    states_[index] = RowState::kError;
    errors_.emplace(index, std::move(row.error));
    return {};
  }
  states_[index] = RowState::kVector;
  arrival_.push_back(index);
  tokens_[index] = row.tokens;
  std::copy(row.vector.begin(), row.vector.end(), vectors_->row(index).begin());
  return {};
}

Status JobCollector::CheckPairings(const std::vector<std::size_t>& order) {
  std::vector<std::string_view> texts;
  std::vector<float> vectors;
  const auto check = [&](std::size_t rows) -> Status {
    const PairingVerdict verdict = CheckPairing(
        std::span(texts).first(rows), std::span(vectors).first(rows * dimensions_), dimensions_);
    if (verdict.pairing == Pairing::kWrong) {
      return Held("its vectors do not fit its texts, as when keys and vectors were mixed up");
    }
    texts.erase(texts.begin(), texts.begin() + static_cast<long>(rows));
    vectors.erase(vectors.begin(), vectors.begin() + static_cast<long>(rows * dimensions_));
    return {};
  };
  for (const std::size_t i : order) {
    texts.push_back(texts_[i].text);
    const std::span<const float> row = vectors_->row(i);
    vectors.insert(vectors.end(), row.begin(), row.end());
    // The last block is never a small one: a check of few rows says nothing.
    if (texts.size() < 2 * kBlockRows) continue;
    if (Status checked = check(kBlockRows); !checked.ok()) return checked;
  }
  return check(texts.size());
}

Status JobCollector::StoreRows(std::uint64_t request, std::uint64_t skip) {
  std::vector<std::size_t> block;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    if (states_[i] != RowState::kVector ||
        (skip-- > 0 && !EMBSTORE_SEEDED_BUG("stored-rows-again")))
      continue;
    skip = 0;
    block.push_back(i);
    if (block.size() < kBlockRows) continue;
    if (Status stored = CommitRows(request, block); !stored.ok()) return stored;
    block.clear();
  }
  return CommitRows(request, block);
}

Status JobCollector::CommitRows(std::uint64_t request, std::span<const std::size_t> rows) {
  if (rows.empty()) return {};
  Commit commit;
  std::uint64_t tokens = 0;
  std::uint64_t estimated = 0;
  bool reported = true;
  for (const std::size_t i : rows) {
    const auto estimate = static_cast<std::uint32_t>(provider_.EstimateTokens(texts_[i].text));
    const std::uint32_t counted = tokens_[i].value_or(estimate);
    commit.embedded.push_back({texts_[i].key, texts_[i].text, counted, vectors_->row(i)});
    reported = reported && tokens_[i].has_value();
    tokens += counted;
    estimated += estimate;
  }
  const CommitShare share = gate_.Share(request, static_cast<std::uint32_t>(rows.size()), estimated,
                                        reported ? std::optional(tokens) : std::nullopt,
                                        /*last=*/false);
  commit.shares.push_back(share);
  if (Status written = commit_(std::move(commit)); !written.ok()) return written;
  gate_.Stored(share);
  outcome_.stored += rows.size();
  outcome_.tokens += share.tokens;
  outcome_.tokens_estimated = outcome_.tokens_estimated || !share.reported;
  return {};
}

void JobCollector::ReportFailed(bool partial) {
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    if (states_[i] == RowState::kError) outcome_.failed.emplace_back(i, errors_.at(i));
    if (states_[i] != RowState::kMissing) continue;
    outcome_.failed.emplace_back(
        i, Status(Code::kUnavailable, "the job brought no vector for this text"));
    if (partial) continue;
    ++outcome_.undelivered_texts;
    outcome_.undelivered_tokens += provider_.EstimateTokens(texts_[i].text);
  }
}

}  // namespace embstore
