// SPDX-License-Identifier: Apache-2.0
// Whether vectors belong to the texts they came for. A reply in another order passes every check
// of count, size and keys; but texts that share words have vectors that are alike, and in a wrong
// order they have not. One block is judged by itself; docs/decisions/0010-pairing-check.md has
// the measurements behind the limits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace embstore {

enum class Pairing : std::uint8_t {
  kRight,      ///< Likeness of vectors follows that of the texts, far beyond chance.
  kWrong,      ///< It does not, although these texts and vectors would show it; or texts of
               ///< different words have all got the same vector.
  kUndecided,  ///< Too few texts, too few shared words, or vectors that tell nothing.
};

/// The verdict on a block and what it rests on. Of a block of several parts, the part that decided.
struct PairingVerdict {
  Pairing pairing = Pairing::kUndecided;
  double score = 0;        ///< Correlation of word likeness and vector likeness over all pairs.
  double limit = 0;        ///< kWrong by correlation alone below this; 0: nothing would be.
  double chance = 0;       ///< Standard deviation of the score when the pairing is random.
  double words = 0;        ///< Different words in a text that other texts might share, on average.
  double text_signal = 0;  ///< Correlation of word likeness by one half of the words and the other.
  double vector_signal = 0;  ///< Share of the vectors' likeness that is not noise; about 0: all is.
  /// kWrong, and found where the vectors belong: the vector of text i + shift stands in row i,
  /// counted in a circle.
  std::optional<std::uint32_t> shift;
  bool reversed = false;  ///< kWrong, and the vectors fit in reverse order.
};

/// Keeps its memory (about 300 KB) between blocks. Verdicts depend on the block alone, not on
/// earlier ones. Not thread-safe; one thread at a time.
class PairingChecker {
 public:
  PairingChecker();
  ~PairingChecker();
  PairingChecker(PairingChecker&&) noexcept;
  PairingChecker& operator=(PairingChecker&&) noexcept;

  /// `vectors` are float32 (N, D), row major, of any length, finite. More than 128 texts are judged
  /// in parts of 65 to 128 neighbours: kWrong if one part is; else kRight if one part is.
  /// REQUIRES: vectors.size() == texts.size() * dimensions.
  PairingVerdict Check(std::span<const std::string_view> texts, std::span<const float> vectors,
                       std::uint32_t dimensions);

 private:
  struct Workspace;
  std::unique_ptr<Workspace> workspace_;
};

/// The same with memory of its own. Safe for concurrent use.
PairingVerdict CheckPairing(std::span<const std::string_view> texts, std::span<const float> vectors,
                            std::uint32_t dimensions);

}  // namespace embstore
