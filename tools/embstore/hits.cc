// SPDX-License-Identifier: Apache-2.0
#include "hits.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "engine/base/text.h"
#include "engine/json/json_writer.h"
#include "rows.h"

namespace embstore::tool {
namespace {

constexpr std::size_t kShownTextBytes = 120;

Result<DocumentInfo> DocumentAt(const Store& store, const SplitInfo& split,
                                std::uint64_t position) {
  DocumentInfo found;
  Status read = store.ForEachDocument(split, position, 1, [&](const DocumentInfo& document) {
    found = document;
    return Status();
  });
  if (!read.ok()) return read;
  return found;
}

Status AppendJson(const Store& store, const DocumentInfo& document, float score, JsonWriter* json) {
  json->BeginObject();
  json->Key("id").String(document.Id());
  json->Key("position").Uint(document.position);
  json->Key("label");
  WriteLabel(document.record.label, json);
  json->Key("score").Double(score);
  json->Key("text");
  if (Status s = WriteText(store, document.record.text, json); !s.ok()) return s;
  json->EndObject();
  return {};
}

Status AppendRow(const Store& store, const DocumentInfo& document, float score, std::string* out) {
  const auto text = store.GetText(document.record.text);
  if (!text.ok() && text.code() != Code::kNotFound) return text.status();
  *out +=
      fmt::format("{:.4f}\t{}\t{}\t{}\n", score, document.Id(), document.record.label.value_or("-"),
                  text.ok() ? Printable(*text, kShownTextBytes) : "");
  return {};
}

}  // namespace

void AddHitFlags(CLI::App& command, HitFlags& flags, bool exclude_self) {
  flags.exclude_self = exclude_self;
  command.add_option("-k", flags.k, "How many (default 10)")->check(CLI::Range(1, 1'000'000));
  command.add_option("--min-score", flags.min_score, "Only hits with at least this cosine");
  command.add_flag("--exclude-self,!--include-self", flags.exclude_self,
                   exclude_self ? "Leave out the document itself (default)"
                                : "Leave out documents with this very text");
  command.add_flag("--exact", flags.exact, "Compare with every vector: slower, misses none");
  AddModelFlag(command, flags.model);
}

QueryOptions MakeQueryOptions(const HitFlags& flags) {
  QueryOptions options;
  options.k = flags.k;
  options.min_score = flags.min_score;
  options.exact = flags.exact;
  return options;
}

Status PrintNearest(const App& app, const Store& store, const SplitInfo& split,
                    const Searcher& searcher, std::span<const float> query,
                    const QueryOptions& options) {
  const auto hits = searcher.Search(query, options);
  if (!hits.ok()) return hits.status();
  std::string out;
  JsonWriter json(&out, 2);
  if (app.flags().json) json.BeginArray();
  for (const Hit& hit : *hits) {
    const auto document = DocumentAt(store, split, hit.position);
    if (!document.ok()) return document.status();
    Status appended = app.flags().json ? AppendJson(store, *document, hit.score, &json)
                                       : AppendRow(store, *document, hit.score, &out);
    if (!appended.ok()) return appended;
  }
  if (app.flags().json) {
    json.EndArray();
    out += "\n";
  }
  return Print(out);
}

}  // namespace embstore::tool
