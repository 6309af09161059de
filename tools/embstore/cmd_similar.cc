// SPDX-License-Identifier: Apache-2.0
// embstore similar: the nearest documents of a document.
#include <CLI/CLI.hpp>

#include "app.h"
#include "hits.h"
#include "settings.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Search failed";

struct SimilarFlags : HitFlags {
  std::string id;
};

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
  QueryOptions options = MakeQueryOptions(flags);
  if (flags.exclude_self) options.exclude = document->position;
  const Status printed = PrintNearest(app, store, opened->split, **searcher, query, options);
  return printed.ok() ? kExitDone : app.Fail(kFailed, printed);
}

}  // namespace

CommandBody AddSimilar(CLI::App& parser) {
  auto flags = std::make_shared<SimilarFlags>();
  CLI::App* command = parser.add_subcommand("similar", "The nearest documents of a document");
  command->add_option("split", flags->split, "Name of the split")->required();
  command->add_option("id", flags->id, "Document id")->required();
  AddHitFlags(*command, *flags, /*exclude_self=*/true);
  return [flags](App& app) { return RunSimilar(app, *flags); };
}

}  // namespace embstore::tool
