// SPDX-License-Identifier: Apache-2.0
// The results of a batch job, made row by row when they are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/simulator/batch_input.h"
#include "tools/simulator/embedder.h"
#include "tools/simulator/fault.h"
#include "tools/simulator/http_message.h"
#include "tools/simulator/models.h"

namespace embstore::simulator {

/// Immutable after construction, so safe for concurrent use.
class BatchResults {
 public:
  struct Settings {
    const ModelInfo* model;
    const Embedder* embedder;  ///< must live longer
    Overlong overlong = Overlong::kTruncate;
    std::vector<Fault> faults;
    std::uint64_t seed = 0;  ///< for the order of the rows and the rows that fail
    bool ordered = false;
    bool half = false;  ///< only the first half of the input was done
  };

  BatchResults(std::shared_ptr<const BatchInput> input, Settings settings);

  /// Rows of the input with a vector, in the order of the input: what is charged for.
  const std::vector<std::size_t>& embedded() const { return embedded_; }

  /// Rows of the input that failed.
  std::size_t failed() const { return failed_; }

  /// Row `i` on one line, with its end.
  std::string Line(std::size_t i) const;

  /// All rows, inside a list; FillVectors has to follow once the document is text.
  nlohmann::ordered_json Inlined() const;

  /// Puts the vectors into a document with Inlined().
  std::string FillVectors(const std::string& document) const;

  std::size_t size() const { return rows_.size(); }

 private:
  struct Row {
    std::size_t key;   ///< the input row it says it answers
    std::size_t text;  ///< the one it does answer
    bool failed = false;
    bool unknown_key = false;
    bool bad = false;
  };

  void PlanRows();
  void SpoilRows();
  void Shuffle();
  nlohmann::ordered_json RowJson(std::size_t i) const;
  std::vector<float> Vector(std::size_t i) const;
  std::string ErrorOf(const std::string& line) const;
  std::string BadRowKind() const;

  std::shared_ptr<const BatchInput> input_;
  Settings settings_;
  std::vector<Row> rows_;
  std::vector<std::size_t> embedded_;
  std::size_t failed_ = 0;
};

/// The body of a result file: the first `rows` rows.
BodySource ResultFile(std::shared_ptr<const BatchResults> results, std::size_t rows);

}  // namespace embstore::simulator
