// SPDX-License-Identifier: Apache-2.0
#include "engine/importer/pairing_blocks.h"

namespace embstore {
namespace {

constexpr std::size_t kBlockRows = 128;  // What the check judges in one piece.

/// What is known of the right order, as the end of a sentence.
std::string Describe(const PairingVerdict& verdict, std::size_t rows) {
  if (verdict.reversed) return "; they would fit in reverse order";
  if (!verdict.shift) return "";
  // Counted in a circle, of one piece.
  const std::size_t pieces = (rows + kBlockRows - 1) / kBlockRows;
  const std::size_t ahead = *verdict.shift;
  const std::size_t behind = rows / pieces - ahead;
  if (ahead <= behind) return "; they would fit the texts " + std::to_string(ahead) + " further on";
  return "; they would fit the texts " + std::to_string(behind) + " before";
}

}  // namespace

Status PairingBlocks::Add(std::uint64_t position, std::string_view text,
                          std::span<const float> vector) {
  positions_.push_back(position);
  texts_.emplace_back(text);
  vectors_.insert(vectors_.end(), vector.begin(), vector.end());
  // The last block is never a small one: a check of few rows says nothing.
  return texts_.size() < 2 * kBlockRows ? Status() : Check(kBlockRows);
}

Status PairingBlocks::Finish() { return Check(texts_.size()); }

Status PairingBlocks::Check(std::size_t rows) {
  if (rows == 0) return {};
  const std::vector<std::string_view> views(texts_.begin(),
                                            texts_.begin() + static_cast<long>(rows));
  const PairingVerdict verdict =
      checker_.Check(views, std::span(vectors_).first(rows * dimensions_), dimensions_);
  if (verdict.pairing == Pairing::kWrong) {
    return {Code::kInvalidArgument, "the vectors of documents " + std::to_string(positions_[0]) +
                                        " to " + std::to_string(positions_[rows - 1]) +
                                        " do not fit their texts, as when rows were mixed up" +
                                        Describe(verdict, rows) +
                                        "; if they are right all the same, --accept takes them"};
  }
  fits_ = fits_ || verdict.pairing == Pairing::kRight;
  const auto count = static_cast<long>(rows);
  positions_.erase(positions_.begin(), positions_.begin() + count);
  texts_.erase(texts_.begin(), texts_.begin() + count);
  vectors_.erase(vectors_.begin(), vectors_.begin() + count * static_cast<long>(dimensions_));
  return {};
}

}  // namespace embstore
