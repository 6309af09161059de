// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_job.h"

#include <array>
#include <optional>
#include <utility>

#include "engine/provider/gemini_calls.h"
#include "engine/provider/gemini_json.h"
#include "engine/provider/server_words.h"

namespace embstore {
namespace {

constexpr std::size_t kDisplayNameBytes = 512;
constexpr std::size_t kStateBytes = 60;
constexpr std::size_t kErrorBytes = 300;
constexpr std::uint64_t kRpcCancelled = 1;

std::optional<JsonValue> FindIn(const std::optional<JsonValue>& object, std::string_view key) {
  return object ? object->Find(key) : std::nullopt;
}

/// The string called `key` in the first of `objects` that has one.
template <std::size_t N>
std::string FirstString(const std::array<std::optional<JsonValue>, N>& objects,
                        std::string_view key) {
  for (const std::optional<JsonValue>& object : objects) {
    if (!object) continue;
    std::string text = FindString(*object, key);
    if (!text.empty()) return text;
  }
  return "";
}

std::string ResultFile(const JsonValue& operation, const std::optional<JsonValue>& metadata) {
  const std::array<std::optional<JsonValue>, 5> places = {
      operation.Find("response"), FindIn(metadata, "output"), operation.Find("output"), metadata,
      operation};
  return FirstString(places, "responsesFile");
}

std::string ErrorWords(const JsonValue& error, const Secret* key) {
  const std::string words = KeylessExcerpt(FindString(error, "message"), key, kErrorBytes);
  return "code " + std::to_string(FindCount(error, "code")) + (words.empty() ? "" : ": " + words);
}

/// For an operation that is done but does not name its state.
BatchState StateOfDone(const std::optional<JsonValue>& error, const RemoteJob& job) {
  if (error && error->type() == JsonType::kObject) {
    return FindCount(*error, "code") == kRpcCancelled ? BatchState::kCancelled
                                                      : BatchState::kFailed;
  }
  return job.result_file.empty() ? BatchState::kUnknown : BatchState::kSucceeded;
}

}  // namespace

BatchState ParseBatchState(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, BatchState>, 6> kStates = {{
      {"_PENDING", BatchState::kPending},
      {"_RUNNING", BatchState::kRunning},
      {"_SUCCEEDED", BatchState::kSucceeded},
      {"_FAILED", BatchState::kFailed},
      {"_CANCELLED", BatchState::kCancelled},
      {"_EXPIRED", BatchState::kExpired},
  }};
  for (const auto& [suffix, state] : kStates) {
    if (text.ends_with(suffix) || text == suffix.substr(1)) return state;
  }
  return BatchState::kUnknown;
}

std::string ReadGeminiJob(const JsonValue& operation, JobSource source, const Secret* key,
                          RemoteJob* job) {
  if (operation.type() != JsonType::kObject) return "no job";
  const auto metadata = operation.Find("metadata");
  const std::array<std::optional<JsonValue>, 2> metadata_first = {metadata, operation};
  const std::array<std::optional<JsonValue>, 2> name_places = {operation, metadata};
  job->name = FirstString(name_places, "name");
  if (!IsGeminiName(job->name, "batches/")) return "a job without a usable name";
  job->display_name =
      KeylessExcerpt(FirstString(metadata_first, "displayName"), key, kDisplayNameBytes);
  const std::string state = FirstString(metadata_first, "state");
  job->state = ParseBatchState(state);
  job->state_text = KeylessExcerpt(state, key, kStateBytes);
  const std::array<std::optional<JsonValue>, 2> inputs = {FindIn(metadata, "inputConfig"),
                                                          operation.Find("inputConfig")};
  job->input_file = FirstString(inputs, "fileName");
  const auto error = operation.Find("error");
  if (error && error->type() == JsonType::kObject) job->error = ErrorWords(*error, key);
  if (source == JobSource::kList) return "";

  job->result_file = ResultFile(operation, metadata);
  if (!job->result_file.empty() && !IsGeminiName(job->result_file, "files/")) {
    return "a result file without a usable name";
  }
  const auto done = operation.Find("done");
  const bool is_done = done && done->AsBool().value_or(false);
  if (is_done && (state.empty() || state.ends_with("_UNSPECIFIED"))) {
    job->state = StateOfDone(error, *job);
  }
  return "";
}

}  // namespace embstore
