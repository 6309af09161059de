// SPDX-License-Identifier: Apache-2.0
#include "engine/exporter/metadata.h"

#include "engine/base/file.h"
#include "engine/base/text.h"
#include "engine/json/json_reader.h"
#include "engine/json/json_writer.h"

namespace embstore {
namespace {

constexpr std::uint64_t kMaxMetadataBytes = 1u << 20;

void WriteDigest(const std::string& name, const FileDigest& digest, JsonWriter* json) {
  json->Key(name + "_xxh3_128").String(digest.xxh3_128);
  json->Key(name + "_bytes").Uint(digest.bytes);
}

/// Nothing: it is no count.
std::optional<std::uint64_t> ReadCount(const std::string& name, const JsonValue& json) {
  const auto value = json.Find(name);
  const auto number = value ? value->AsInt() : std::nullopt;
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

std::optional<FileDigest> ReadDigest(const std::string& name, const JsonValue& json) {
  const auto digest = json.Find(name + "_xxh3_128");
  const auto bytes = ReadCount(name + "_bytes", json);
  if (!digest || !digest->AsString() || !bytes) return std::nullopt;
  return FileDigest{std::string(*digest->AsString()), *bytes};
}

std::string ReadText(const std::string& name, const JsonValue& json) {
  const auto value = json.Find(name);
  const auto text = value ? value->AsString() : std::nullopt;
  return std::string(text.value_or(""));
}

}  // namespace

std::string ToJson(const ExportMetadata& m) {
  std::string out;
  JsonWriter json(&out, 2);
  json.BeginObject();
  json.Key("model").String(m.space.identity.model);
  json.Key("dimensions").Uint(m.dimensions);
  json.Key("num_documents").Uint(m.rows);
  json.Key("timestamp").String(FormatUtc(m.timestamp_micros));
  json.Key("dataset").String(m.split_record.dataset);
  json.Key("split").String(m.split);
  json.Key("api_calls").Uint(m.coverage.api_calls);
  json.Key("estimated_cost").Double(m.coverage.cost.usd());
  json.Key("dtype").String("float32");
  json.Key("shape").BeginArray().Uint(m.rows).Uint(m.dimensions).EndArray();
  json.Key("normalized").Bool(m.normalized);
  json.Key("task_type").String(m.space.identity.task_type);
  json.Key("provider").String(m.space.provider);
  json.Key("tokens").Uint(m.coverage.tokens);
  json.Key("tokens_estimated").Bool(m.coverage.tokens_estimated);
  json.Key("imported").Uint(m.coverage.imported);
  json.Key("unique_documents").Uint(m.split_record.unique_documents);
  json.Key("missing_documents").Uint(m.missing);
  json.Key("space").String(ToHex(m.space_id));
  json.Key("content_id").String(m.content_id);
  for (const auto& [part, digest] : m.parts) WriteDigest(part.name, digest, &json);
  json.EndObject();
  return out + "\n";
}

std::optional<ExistingExport> ReadMetadata(const ExportPaths& paths) {
  const auto text = ReadWholeFile(paths.metadata, kMaxMetadataBytes);
  if (!text.ok()) return std::nullopt;
  JsonParser parser;
  const auto json = parser.Parse(*text);
  if (!json.ok()) return std::nullopt;
  const auto content_id = json->Find("content_id");
  if (!content_id || !content_id->AsString()) return std::nullopt;
  const auto normalized = json->Find("normalized");
  ExistingExport existing{std::string(*content_id->AsString()),
                          {},
                          ReadCount("num_documents", *json).value_or(0),
                          ReadCount("missing_documents", *json).value_or(0),
                          static_cast<std::uint32_t>(ReadCount("dimensions", *json).value_or(0)),
                          normalized && normalized->AsBool().value_or(false),
                          ReadText("split", *json),
                          ReadText("space", *json),
                          ReadText("model", *json),
                          ReadText("task_type", *json),
                          ReadText("provider", *json)};
  for (const ExportPart& part : paths.parts) {
    auto digest = ReadDigest(part.name, *json);
    if (digest) existing.parts.emplace_back(part, std::move(*digest));
    if (!digest && !part.only_with_labels) return std::nullopt;
  }
  return existing;
}

}  // namespace embstore
