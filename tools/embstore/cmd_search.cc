// SPDX-License-Identifier: Apache-2.0
// embstore search: the nearest documents of a text.
#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>
#include <utility>

#include "app.h"
#include "embstore/ingest.h"
#include "hits.h"
#include "settings.h"
#include "signals.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Search failed";

struct SearchFlags : HitFlags {
  std::string text;
  std::optional<std::string> task_type;
  std::optional<std::string> base_url;
  std::optional<std::string> max_cost;
};

/// One text needs no progress.
class Warner : public IngestObserver {
 public:
  explicit Warner(const App& app) : app_(app) {}
  void OnWarning(const std::string& message) override { app_.Warn(message); }

 private:
  const App& app_;
};

/// Under which identity the question is embedded.
SpaceRecord QuestionSpace(const SpaceInfo& documents, const SearchFlags& flags) {
  SpaceRecord space = documents.record;
  space.identity = QueryIdentity(space.identity);
  if (flags.task_type && !space.identity.task_type.empty()) {
    space.identity.task_type = *flags.task_type;
  }
  return space;
}

/// The provider that made the documents' vectors, and no other: vectors of two models have nothing
/// in common.
Result<std::unique_ptr<Provider>> ProviderFor(const SpaceRecord& space, const Config& config,
                                              const SearchFlags& flags) {
  if (space.provider != kGemini && space.provider != kOpenAi && space.provider != kLocal) {
    return Status(Code::kInvalidArgument,
                  "the vectors come from provider '" + space.provider +
                      "', which this command does not have; search with a vector from a program");
  }
  auto provider = MakeProviderOf(space, config, flags.base_url, Purpose::kEmbed);
  if (!provider.ok()) return provider;
  if ((*provider)->identity() == space.identity) return provider;
  return Status(Code::kInvalidArgument, "the documents were embedded with model '" +
                                            space.identity.model + "', this configuration gives '" +
                                            (*provider)->identity().model + "'; nothing was sent");
}

/// A free vector is just made; one that costs money is stored like any other before it is used, so
/// that it is paid for once.
Status EmbedQuestion(App& app, const SearchFlags& flags, const SpaceRecord& space,
                     OpenedSplit* opened, std::vector<float>* vector) {
  auto provider = ProviderFor(space, opened->config, flags);
  if (!provider.ok()) return provider.status();
  if (!(*provider)->paid()) {
    const std::string_view text = flags.text;
    auto reply = (*provider)->Embed({&text, 1});
    if (reply.ok()) *vector = std::move(reply->vectors);
    return reply.status();
  }
  auto options = MakeTextOptions(app, opened->config, **provider, flags.max_cost);
  if (!options.ok()) return options.status();
  opened->store.reset();
  auto writable = app.OpenStore(opened->config, /*read_only=*/false);
  if (!writable.ok()) return writable.status();
  opened->store = std::move(*writable);
  Warner warner(app);
  options->observer = &warner;
  options->stop = &InstallSignalHandlers();
  const auto report = EmbedTexts(opened->store.get(), {flags.text}, provider->get(), *options);
  if (!report.ok()) return report.status();
  if (!report->outcome.ok()) return report->outcome;
  Status read =
      opened->store->GetVector(MakeSpaceId(space.identity), MakeTextKey(flags.text), *vector);
  if (read.code() != Code::kNotFound) return read;
  return {Code::kUnavailable, "the text got no vector; the warnings above say why"};
}

Status Run(App& app, const SearchFlags& flags) {
  auto opened = OpenSplit(app, flags.split, flags.model);
  if (!opened.ok()) return opened.status();
  const SpaceRecord space = QuestionSpace(opened->space, flags);
  std::vector<float> query(space.identity.dimensions);
  const TextKey key = MakeTextKey(flags.text);
  Status found = opened->store->GetVector(MakeSpaceId(space.identity), key, query);
  if (found.code() == Code::kNotFound) found = EmbedQuestion(app, flags, space, &*opened, &query);
  if (!found.ok()) return found;
  auto searcher = Searcher::OfSplit(*opened->store, opened->split, opened->space.id, {});
  if (!searcher.ok()) return searcher.status();
  QueryOptions options = MakeQueryOptions(flags);
  if (flags.exclude_self) {
    options.accept = [&](std::uint64_t position) { return !((*searcher)->text(position) == key); };
  }
  return PrintNearest(app, *opened->store, opened->split, **searcher, query, options);
}

int RunSearch(App& app, SearchFlags flags) {
  ProtectMemory();
  if (flags.text == "-") flags.text.assign(std::istreambuf_iterator<char>(std::cin), {});
  const bool is_blank = flags.text.find_first_not_of(" \t\r\n") == std::string::npos;
  const Status status =
      is_blank ? Status(Code::kInvalidArgument, "there is no text to search for") : Run(app, flags);
  return status.ok() ? kExitDone : app.Fail(kFailed, status);
}

}  // namespace

CommandBody AddSearch(CLI::App& parser) {
  auto flags = std::make_shared<SearchFlags>();
  CLI::App* command = parser.add_subcommand("search", "The nearest documents of a text");
  command->add_option("split", flags->split, "Name of the split")->required();
  command->add_option("text", flags->text, "What to look for; - reads it from standard input")
      ->required();
  AddHitFlags(*command, *flags, /*exclude_self=*/false);
  command->add_option("--task-type", flags->task_type,
                      "Task type of the text (default: what fits the documents')");
  command->add_option("--base-url", flags->base_url, "Server, e.g. http://127.0.0.1:8080")
      ->envname("EMBSTORE_BASE_URL");
  command->add_option("--max-cost", flags->max_cost, "Do not spend more than this, in USD");
  return [flags](App& app) { return RunSearch(app, *flags); };
}

}  // namespace embstore::tool
