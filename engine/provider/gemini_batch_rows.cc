// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_batch_rows.h"

#include <limits>
#include <optional>
#include <utility>

#include "engine/json/json_reader.h"
#include "engine/json/json_writer.h"
#include "engine/provider/embedding_values.h"
#include "engine/provider/gemini_json.h"
#include "engine/provider/server_words.h"

namespace embstore {
namespace {

constexpr std::size_t kExcerptBytes = 120;
constexpr std::size_t kMessageBytes = 300;

/// The parser of this thread: a new one for each line would cost more than the line.
JsonParser& ThreadParser() {
  thread_local JsonParser parser;
  return parser;
}

std::optional<std::string> FindText(const JsonValue& request) {
  const auto content = FindOnly(request, "content");
  const auto parts = content ? FindOnly(*content, "parts") : std::nullopt;
  if (!parts) return std::nullopt;
  std::optional<std::string> text;
  std::size_t count = 0;
  parts->ForEachElement([&](JsonValue part) {
    const auto value = FindOnly(part, "text");
    if (value && value->AsString()) text = std::string(*value->AsString());
    return ++count < 2;
  });
  return count == 1 ? text : std::nullopt;
}

bool IsError(const JsonValue& value) {
  return FindCount(value, "code") != 0 || !FindString(value, "message").empty();
}

/// The error of a row, wherever it stands.
std::optional<JsonValue> FindRowError(const JsonValue& row,
                                      const std::optional<JsonValue>& response) {
  for (const auto& place :
       {row.Find("error"), row.Find("status"), response ? response->Find("error") : std::nullopt}) {
    if (place && IsError(*place)) return place;
  }
  return std::nullopt;
}

Status RowError(const JsonValue& error, const Secret* key) {
  const std::uint64_t code = FindCount(error, "code");
  // 3 is INVALID_ARGUMENT among the codes of RPC, the others are codes of HTTP.
  const bool refused = code == 3 || code == 400 || code == 413 || code == 422;
  return Status(refused ? Code::kRejected : Code::kUnavailable,
                "the batch job has no vector for this text: code " + std::to_string(code) + ", \"" +
                    KeylessExcerpt(FindString(error, "message"), key, kMessageBytes) + "\"");
}

std::optional<std::uint32_t> FindTokens(const JsonValue& response) {
  std::uint64_t count = FindCount(response, "tokenCount");
  if (count == 0) {
    const auto usage = response.Find("usageMetadata");
    if (usage) count = FindCount(*usage, "promptTokenCount");
  }
  if (count == 0 || count > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(count);
}

/// What is wrong with the vector, or "".
std::string ReadVector(const JsonValue& response, std::uint32_t dimensions,
                       std::vector<float>* out) {
  const auto embedding = FindOnly(response, "embedding");
  const auto values = embedding ? FindOnly(*embedding, "values") : std::nullopt;
  out->reserve(dimensions);
  if (!values || !values->AppendFloats(out)) return "no list \"values\" of numbers";
  return VectorFault(*out, dimensions);
}

}  // namespace

GeminiBatchRows::GeminiBatchRows(const EmbeddingIdentity& identity, const Secret* key)
    : task_type_(identity.task_type), dimensions_(identity.dimensions), key_(key) {}

// Names in the file are in snake case: some readers of the service know no other.
void GeminiBatchRows::AppendInput(std::string_view key, std::string_view text,
                                  std::string* out) const {
  JsonWriter writer(out);
  writer.BeginObject().Key("key").String(key).Key("request").BeginObject();
  writer.Key("content").BeginObject().Key("parts").BeginArray();
  writer.BeginObject().Key("text").String(text).EndObject();
  writer.EndArray().EndObject();
  if (!task_type_.empty()) writer.Key("task_type").String(task_type_);
  writer.Key("output_dimensionality").Uint(dimensions_);
  writer.EndObject().EndObject();
  out->push_back('\n');
}

Result<BatchInputRow> GeminiBatchRows::ReadInput(std::string_view line) const {
  const Result<JsonValue> root = ThreadParser().Parse(line);
  const auto key = root.ok() ? FindOnly(*root, "key") : std::nullopt;
  const auto request = root.ok() ? FindOnly(*root, "request") : std::nullopt;
  const std::optional<std::string> text = request ? FindText(*request) : std::nullopt;
  if (!key || !key->AsString() || !text) {
    return Status(Code::kCorruption, "not an input line of a batch job: it begins \"" +
                                         KeylessExcerpt(line, key_, kExcerptBytes) + "\"");
  }
  BatchInputRow row;
  row.key = *key->AsString();
  row.text = *text;
  return row;
}

Result<BatchResultRow> GeminiBatchRows::ReadResult(std::string_view line) const {
  const Result<JsonValue> root = ThreadParser().Parse(line);
  if (!root.ok()) return Invalid(root.status().message(), line);
  const auto key = FindOnly(*root, "key");
  if (!key || key->AsString().value_or("").empty()) return Invalid("no \"key\"", line);
  BatchResultRow row;
  row.key = *key->AsString();
  const auto response = FindOnly(*root, "response");
  if (const auto error = FindRowError(*root, response)) {
    row.error = RowError(*error, key_);
    return row;
  }
  if (!response) return Invalid("neither \"response\" nor \"error\"", line);
  const std::string fault = ReadVector(*response, dimensions_, &row.vector);
  if (!fault.empty())
    return Invalid("key " + KeylessExcerpt(row.key, key_, 64) + ": " + fault, line);
  row.tokens = FindTokens(*response);
  return row;
}

Status GeminiBatchRows::Invalid(std::string_view fault, std::string_view line) const {
  std::string message = "invalid line in the result of a batch job: ";
  message += fault;
  message += "; it begins \"" + KeylessExcerpt(line, key_, kExcerptBytes) + "\"";
  return Status(Code::kInvalidReply, std::move(message));
}

}  // namespace embstore
