// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/job_collector.h"

#include <algorithm>

#include "engine/base/text.h"
#include "engine/pairing/pairing_check.h"

namespace embstore {
namespace {

// Rows of one commit and of one check of meaning.
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
  if (!options.accept) {
    if (Status checked = Check(path, options); !checked.ok()) return checked;
  }
  Status stored = StoreRows(path, request, options);
  if (!stored.ok()) return stored;
  return std::move(outcome_);
}

Result<std::size_t> JobCollector::Place(const BatchResultRow& row, std::vector<bool>* seen) const {
  const auto found = by_key_.find(row.key);
  if (found == by_key_.end()) {
    return Held("its result has a row with the unknown key '" + Printable(row.key, 80) + "'");
  }
  if ((*seen)[found->second]) {
    return Held("its result has two rows with the key '" + Printable(row.key, 80) + "'");
  }
  (*seen)[found->second] = true;
  return found->second;
}

Status JobCollector::Check(const std::filesystem::path& path, const CollectOptions& options) {
  std::vector<bool> seen(texts_.size());
  std::uint64_t line_number = 0;
  block_texts_.clear();
  block_vectors_.clear();
  Status read = ForEachLine(path, [&](std::string_view line) -> Status {
    ++line_number;
    auto row = api_.ReadResultRow(line);
    if (!row.ok()) {
      return Held("line " + std::to_string(line_number) +
                  " of its result: " + row.status().message());
    }
    const auto index = Place(*row, &seen);
    if (!index.ok()) return index.status();
    if (!row->error.ok() || !options.check_pairing) return {};
    block_texts_.push_back(*index);
    block_vectors_.insert(block_vectors_.end(), row->vector.begin(), row->vector.end());
    // The last block is never a small one: a check of few rows says nothing.
    return block_texts_.size() == 2 * kBlockRows ? CheckBlock(kBlockRows) : Status();
  });
  if (!read.ok()) return read;
  const auto missing = std::count(seen.begin(), seen.end(), false);
  if (missing > 0 && !options.partial) {
    return Held("its result lacks " + std::to_string(missing) + " of " +
                std::to_string(texts_.size()) + " rows");
  }
  return options.check_pairing ? CheckBlock(block_texts_.size()) : Status();
}

Status JobCollector::CheckBlock(std::size_t rows) {
  std::vector<std::string_view> texts;
  for (std::size_t i = 0; i < rows; ++i) texts.push_back(texts_[block_texts_[i]].text);
  const PairingVerdict verdict =
      CheckPairing(texts, std::span(block_vectors_).first(rows * dimensions_), dimensions_);
  if (verdict.pairing == Pairing::kWrong) {
    return Held("its vectors do not fit its texts, as when keys and vectors were mixed up");
  }
  block_texts_.erase(block_texts_.begin(), block_texts_.begin() + static_cast<long>(rows));
  block_vectors_.erase(block_vectors_.begin(),
                       block_vectors_.begin() + static_cast<long>(rows * dimensions_));
  return {};
}

Status JobCollector::StoreRows(const std::filesystem::path& path, std::uint64_t request,
                               const CollectOptions& options) {
  std::vector<bool> seen(texts_.size());
  std::vector<bool> stored(texts_.size());
  std::vector<Status> errors(texts_.size());
  std::uint64_t good = 0;
  block_texts_.clear();
  block_tokens_.clear();
  block_vectors_.clear();
  Status read = ForEachLine(path, [&](std::string_view line) -> Status {
    auto row = api_.ReadResultRow(line);
    if (!row.ok()) return {};  // Checked before, or accepted by a person.
    const auto index = Place(*row, &seen);
    if (!index.ok()) return {};
    if (!row->error.ok()) {
      errors[*index] = row->error;
      return {};
    }
    stored[*index] = true;
    if (good++ < options.skip) return {};
    block_texts_.push_back(*index);
    block_reported_ = block_reported_ && row->tokens.has_value();
    block_tokens_.push_back(row->tokens.value_or(
        static_cast<std::uint32_t>(provider_.EstimateTokens(texts_[*index].text))));
    block_vectors_.insert(block_vectors_.end(), row->vector.begin(), row->vector.end());
    return block_texts_.size() == kBlockRows ? CommitBlock(request) : Status();
  });
  if (read.ok()) read = CommitBlock(request);
  if (!read.ok()) return read;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    if (stored[i]) continue;
    outcome_.failed.emplace_back(
        i, errors[i].ok() ? Status(Code::kUnavailable, "the job brought no vector for this text")
                          : errors[i]);
  }
  return {};
}

Status JobCollector::CommitBlock(std::uint64_t request) {
  if (block_texts_.empty()) return {};
  Commit commit;
  std::uint64_t tokens = 0;
  std::uint64_t estimated = 0;
  for (std::size_t row = 0; row < block_texts_.size(); ++row) {
    const JobText& text = texts_[block_texts_[row]];
    commit.embedded.push_back({text.key, text.text, block_tokens_[row],
                               std::span(block_vectors_).subspan(row * dimensions_, dimensions_)});
    tokens += block_tokens_[row];
    estimated += provider_.EstimateTokens(text.text);
  }
  const CommitShare share =
      gate_.Share(request, static_cast<std::uint32_t>(block_texts_.size()), estimated,
                  block_reported_ ? std::optional(tokens) : std::nullopt, /*last=*/false);
  commit.shares.push_back(share);
  outcome_.stored += block_texts_.size();
  outcome_.tokens += share.tokens;
  outcome_.tokens_estimated = outcome_.tokens_estimated || !share.reported;
  Status written = commit_(std::move(commit));
  if (!written.ok()) return written;
  gate_.Stored(share);
  block_texts_.clear();
  block_tokens_.clear();
  block_vectors_.clear();
  block_reported_ = true;
  return {};
}

}  // namespace embstore
