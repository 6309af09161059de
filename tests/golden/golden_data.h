// SPDX-License-Identifier: Apache-2.0
// What is in tests/golden/store-v1. Never change it: a store of another format gets a directory
// and a header of its own.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "embstore/identity.h"
#include "embstore/record.h"

namespace embstore::golden {

inline constexpr std::uint32_t kDimensions = 8;
inline constexpr std::int64_t kMicros = 1'790'000'000'123'456;

inline EmbeddingIdentity FirstIdentity() {
  return {"golden-model-a", kDimensions, "CLUSTERING", 1};
}
inline EmbeddingIdentity SecondIdentity() { return {"golden-model-b", kDimensions, "", 2}; }

/// Two texts with one XXH3-128.
inline std::string CollidingText(bool second) {
  std::string text(256, 'e');
  text.replace(32, 4, " @@@").replace(96, 4, "icvs");
  text[36] = second ? 'c' : 'b';
  text[100] = second ? 'b' : 'c';
  return text;
}

inline constexpr std::string_view kTooLong = "a text that the provider refuses";

struct Row {
  std::string id;
  std::string text;
  std::optional<std::string> label;
};

/// Split "train": generation 2, with ids and labels, a text that comes twice, one that failed.
inline std::vector<Row> TrainRows() {
  return {{"doc-a", "The quick brown fox", "1"},
          {"doc-b", CollidingText(false), "2"},
          {"doc-c", CollidingText(true), ""},
          {"doc-d", std::string(kTooLong), std::nullopt},
          {"doc-\xC3\xA4", "The quick brown fox", "-3"},
          {"17", "Zw\xC3\xB6lf Boxk\xC3\xA4mpfer \xF0\x9F\xA5\x8A", "drei"}};
}

/// Split "plain": generation 1, ids are positions, no labels.
inline std::vector<Row> PlainRows() {
  return {{"", "The quick brown fox", std::nullopt}, {"", "jumps", std::nullopt}};
}

/// The vector of a text in a space (0 or 1): exact in float32 and different for each.
inline std::array<float, kDimensions> VectorOf(int space, const std::string& text) {
  const float base = static_cast<float>(space * 1000 + static_cast<int>(text.size()));
  std::array<float, kDimensions> vector{};
  for (std::size_t i = 0; i < vector.size(); ++i) {
    vector[i] = (i % 2 == 0 ? base : -base) + static_cast<float>(i) / 8;
  }
  // Texts of one length differ by one of their letters.
  vector[7] = text.size() > 36 ? static_cast<float>(text[36]) : 0.5f;
  return vector;
}

inline std::array<std::uint8_t, 32> ListDigest(std::uint8_t first) {
  std::array<std::uint8_t, 32> digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) digest[i] = static_cast<std::uint8_t>(first + i);
  return digest;
}

inline FailureRecord Failure() {
  return {"rejected", "the text is too long", "train", "doc-d", kMicros + 5};
}

inline RunRecord FirstRun() {
  RunRecord run;
  run.split = "train";
  run.space = {};  // Set by the user of this header.
  run.started_micros = kMicros;
  run.updated_micros = kMicros + 7;
  run.embedded = 4;
  run.api_calls = 2;
  run.tokens = 170;
  run.tokens_estimated = true;
  run.cost = {25'500};
  run.outcome = "some texts failed";
  return run;
}

inline CoverageRecord FirstCoverage() {
  CoverageRecord coverage;
  coverage.generation = 2;
  coverage.embedded = 5;
  coverage.complete = false;
  coverage.last_position = 5;
  coverage.batch_size = 3;
  coverage.total_batches = 2;
  coverage.api_calls = 2;
  coverage.tokens = 170;
  coverage.tokens_estimated = true;
  coverage.cost = {25'500};
  coverage.updated_micros = kMicros + 7;
  return coverage;
}

inline RunRecord SecondRun() {
  RunRecord run;
  run.split = "plain";
  run.started_micros = kMicros + 100;
  run.updated_micros = kMicros + 101;
  run.embedded = 2;
  run.api_calls = 1;
  run.tokens = 6;
  run.cost = {900};
  run.outcome = "complete";
  return run;
}

inline CoverageRecord SecondCoverage() {
  CoverageRecord coverage;
  coverage.generation = 1;
  coverage.embedded = 2;
  coverage.complete = true;
  coverage.last_position = 1;
  coverage.batch_size = 100;
  coverage.total_batches = 1;
  coverage.api_calls = 1;
  coverage.tokens = 6;
  coverage.cost = {900};
  coverage.updated_micros = kMicros + 101;
  return coverage;
}

}  // namespace embstore::golden
