// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/batch_results.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "tools/simulator/api_error.h"
#include "tools/simulator/batch_request.h"
#include "tools/simulator/embed_endpoints.h"
#include "tools/simulator/reply_json.h"

namespace embstore::simulator {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr int kInvalidArgumentCode = 3;
constexpr int kInternalCode = 13;
constexpr std::string_view kInternalMessage =
    "An internal error has occurred. Please retry or report in "
    "https://developers.generativeai.google/guide/troubleshooting";

// Stands for a vector in a document that is not text yet. It begins with a control character, which
// no sane key does.
constexpr std::string_view kMark = "\"\\u0001vector ";

OrderedJson MarkOf(std::size_t i) { return "\x01vector " + std::to_string(i); }

std::size_t IndentOf(std::string_view line) { return line.find_first_not_of(' '); }

}  // namespace

BatchResults::BatchResults(std::shared_ptr<const BatchInput> input, Settings settings)
    : input_(std::move(input)), settings_(std::move(settings)) {
  PlanRows();
  SpoilRows();
  if (!settings_.ordered) Shuffle();
}

void BatchResults::PlanRows() {
  const std::vector<BatchRow>& rows = input_->rows();
  double share = 0;
  for (const Fault& fault : settings_.faults) share = std::max(share, fault.share);
  const std::size_t count = settings_.half ? rows.size() / 2 : rows.size();
  for (std::size_t i = 0; i < count; ++i) {
    const bool failed = rows[i].sha256.empty() || UnitHash(settings_.seed, i, 0) < share;
    rows_.push_back({.key = i, .text = i, .failed = failed});
    if (failed) ++failed_;
    if (!failed) embedded_.push_back(i);
  }
}

void BatchResults::SpoilRows() {
  if (rows_.empty()) return;
  const std::size_t middle = rows_.size() / 2;
  const auto has = [this](FaultKind kind) { return Has(settings_.faults, kind); };
  if (has(FaultKind::kBadRow)) rows_[middle].bad = true;
  if (has(FaultKind::kMiskeyRows)) std::swap(rows_.front().key, rows_[middle].key);
  if (has(FaultKind::kRotateRows)) {
    for (std::size_t i = 0; i < rows_.size(); ++i) rows_[i].text = (i + 1) % rows_.size();
  }
  if (has(FaultKind::kDuplicateRow)) rows_.push_back(rows_[middle]);
  if (has(FaultKind::kUnknownKeyRow)) {
    rows_.push_back(rows_[middle]);
    rows_.back().unknown_key = true;
  }
  if (has(FaultKind::kMissingRow)) rows_.erase(rows_.begin());
}

void BatchResults::Shuffle() {
  std::mt19937_64 source(settings_.seed);
  for (std::size_t i = rows_.size(); i > 1; --i) std::swap(rows_[i - 1], rows_[source() % i]);
}

std::string BatchResults::ErrorOf(const std::string& line) const {
  try {
    CountAndCheck(*settings_.model, ParseBatchLine(line, settings_.model->id), settings_.overlong);
  } catch (const ApiError& error) {
    return error.message();
  }
  return "";
}

std::string BatchResults::BadRowKind() const {
  for (const Fault& fault : settings_.faults) {
    if (fault.kind == FaultKind::kBadRow) return fault.text;
  }
  return "";
}

OrderedJson BatchResults::RowJson(std::size_t i) const {
  const Row& row = rows_[i];
  const std::string line = input_->Line(row.key);
  OrderedJson document = EchoOf(line);
  if (row.unknown_key && document.contains("key")) document["key"] = "a key that nobody sent";
  if (row.failed) {
    const std::string own = ErrorOf(line);
    document["error"] = {{"code", own.empty() ? kInternalCode : kInvalidArgumentCode},
                         {"message", own.empty() ? std::string(kInternalMessage) : own}};
    return document;
  }
  const std::size_t tokens = input_->rows()[row.text].tokens;
  if (settings_.model->reports_usage) {
    document["response"] = {{"embedding", MarkOf(i)},
                            {"usageMetadata", {{"promptTokenCount", tokens}}}};
    return document;
  }
  OrderedJson first{
      {"response", {{"tokenCount", std::to_string(tokens)}, {"embedding", MarkOf(i)}}}};
  first.update(document);
  return first;
}

std::vector<float> BatchResults::Vector(std::size_t i) const {
  const Row& row = rows_[i];
  std::vector<float> vector;
  try {
    vector = EmbedOne(*settings_.model, ParseBatchLine(input_->Line(row.text), settings_.model->id),
                      *settings_.embedder);
  } catch (const ApiError&) {
    return vector;  // Rotation brought a text here that has no vector.
  }
  if (!row.bad) return vector;
  const std::string kind = BadRowKind();
  if (kind == "nan") vector[vector.size() / 2] = std::numeric_limits<float>::quiet_NaN();
  if (kind == "zero") std::fill(vector.begin(), vector.end(), 0.0F);
  if (kind == "dims") vector.pop_back();
  return vector;
}

std::string BatchResults::Line(std::size_t i) const {
  std::string line = RowJson(i).dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  const std::size_t mark = line.find(kMark);
  if (mark != std::string::npos) {
    const std::size_t end = line.find('"', mark + 1) + 1;
    line.replace(mark, end - mark, CompactEmbedding(Vector(i)));
  }
  if (rows_[i].bad && BadRowKind() == "text") line = "502 Bad Gateway";
  if (rows_[i].bad && BadRowKind() == "cut") line.resize(line.size() / 2);
  return line + "\n";
}

OrderedJson BatchResults::Inlined() const {
  OrderedJson list = OrderedJson::array();
  for (std::size_t i = 0; i < rows_.size(); ++i) list.push_back(RowJson(i));
  return {{"inlinedResponses", std::move(list)}};
}

std::string BatchResults::FillVectors(const std::string& document) const {
  std::string filled;
  std::size_t done = 0;
  for (std::size_t mark = 0; (mark = document.find(kMark, done)) != std::string::npos;) {
    filled.append(document, done, mark - done);
    const char* number = document.data() + mark + kMark.size();
    std::size_t row = 0;
    std::from_chars(number, document.data() + document.size(), row);
    const std::size_t line = document.rfind('\n', mark) + 1;
    filled += WideEmbedding(Vector(row), IndentOf(std::string_view(document).substr(line)));
    done = document.find('"', mark + 1) + 1;
  }
  return filled.append(document, done);
}

BodySource ResultFile(std::shared_ptr<const BatchResults> results, std::size_t rows) {
  constexpr std::size_t kPieceBytes = 1U << 18U;
  return [results = std::move(results), rows, next = std::size_t{0}](std::string* piece) mutable {
    piece->clear();
    while (next < rows && piece->size() < kPieceBytes) *piece += results->Line(next++);
    return !piece->empty();
  };
}

}  // namespace embstore::simulator
