// SPDX-License-Identifier: Apache-2.0
// embstore similar: the nearest documents of a document.
#include <fmt/core.h>

#include "app.h"
#include "embstore/query.h"
#include "engine/base/text.h"
#include "engine/json/json_writer.h"
#include "flags.h"
#include "rows.h"
#include "settings.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Search failed";

struct SimilarFlags {
  std::string split;
  std::string id;
  std::uint32_t k = 10;
  std::optional<std::string> model;
};

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

Status PrintHits(const App& app, const Store& store, const SplitInfo& split,
                 const std::vector<Hit>& hits) {
  std::string out;
  JsonWriter json(&out, 2);
  if (app.flags().json) json.BeginArray();
  for (const Hit& hit : hits) {
    auto document = DocumentAt(store, split, hit.position);
    if (!document.ok()) return document.status();
    if (app.flags().json) {
      if (Status s = AppendJson(store, *document, hit.score, &json); !s.ok()) return s;
      continue;
    }
    const auto text = store.GetText(document->record.text);
    if (!text.ok() && text.code() != Code::kNotFound) return text.status();
    out +=
        fmt::format("{:.4f}\t{}\t{}\t{}\n", hit.score, document->Id(),
                    document->record.label.value_or("-"), text.ok() ? Printable(*text, 120) : "");
  }
  if (app.flags().json) {
    json.EndArray();
    out += "\n";
  }
  return Print(out);
}

int RunSimilar(App& app, const SimilarFlags& flags) {
  auto opened = OpenSplit(app, flags.split, flags.model);
  if (!opened.ok()) return app.Fail(kFailed, opened.status());
  const Store& store = *opened->store;
  const SpaceInfo& space = opened->space;
  auto document = store.FindDocument(opened->split, flags.id);
  if (!document.ok()) return app.Fail(kFailed, document.status());
  std::vector<float> query(space.record.identity.dimensions);
  Status read = store.GetVector(space.id, document->record.text, query);
  if (!read.ok()) return app.Fail(kFailed, read.Prefixed("document '" + document->Id() + "'"));
  auto searcher = Searcher::OfSplit(store, opened->split, space.id, {});
  if (!searcher.ok()) return app.Fail(kFailed, searcher.status());
  QueryOptions options;
  options.k = flags.k;
  options.exclude = document->position;
  auto hits = (*searcher)->Search(query, options);
  if (!hits.ok()) return app.Fail(kFailed, hits.status());
  const Status printed = PrintHits(app, store, opened->split, *hits);
  return printed.ok() ? kExitDone : app.Fail(kFailed, printed);
}

}  // namespace

CommandBody AddSimilar(CLI::App& parser) {
  auto flags = std::make_shared<SimilarFlags>();
  CLI::App* command =
      parser.add_subcommand("similar", "Print the nearest documents of a document, by cosine");
  command->add_option("split", flags->split, "Name of the split")->required();
  command->add_option("id", flags->id, "Document id")->required();
  command->add_option("-k", flags->k, "How many")->check(CLI::Range(1, 100'000));
  AddModelFlag(*command, flags->model);
  return [flags](App& app) { return RunSimilar(app, *flags); };
}

}  // namespace embstore::tool
