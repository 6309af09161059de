// SPDX-License-Identifier: Apache-2.0
// embstore search: the nearest documents of a text.
#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>
#include <utility>

#include "app.h"
#include "embstore/ingest.h"
#include "engine/base/crash_point.h"
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

/// One text needs no progress, and its one warning is why there is no vector.
struct LastWarning : IngestObserver {
  void OnWarning(const std::string& text) override { message = text; }
  std::string message;
};

/// Under which identity the question is embedded.
Result<SpaceRecord> QuestionSpace(const SpaceInfo& documents, const SearchFlags& flags) {
  SpaceRecord space = documents.record;
  space.identity = QueryIdentity(space.identity);
  if (!flags.task_type) return space;
  if (space.identity.task_type.empty()) {
    return Status(Code::kInvalidArgument,
                  "model '" + space.identity.model + "' has no task types; leave --task-type out");
  }
  space.identity.task_type = *flags.task_type;
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

/// Why a text that was to be embedded has no vector.
Status NoVector(const IngestReport& report, const std::string& warning) {
  if (report.skipped > 0) {
    return {Code::kInvalidArgument, "the text is too long for the model; it was not sent"};
  }
  if (report.in_jobs > 0) {
    return {Code::kHeld,
            "the text is in a batch job that is not collected yet, so it was not sent again; "
            "'embstore jobs --wait' collects it"};
  }
  return {Code::kUnavailable, "the text got no vector: " + warning};
}

/// A free vector is just made; one that costs money is stored like any other before it is used, so
/// that it is paid for once.
Result<std::vector<float>> EmbedQuestion(App& app, const SearchFlags& flags,
                                         const SpaceRecord& space, const Config& config) {
  auto provider = ProviderFor(space, config, flags);
  if (!provider.ok()) return provider.status();
  if (!(*provider)->paid()) {
    const std::string_view text = flags.text;
    auto reply = (*provider)->Embed({&text, 1});
    if (!reply.ok()) return reply.status();
    return std::move(reply->vectors);
  }
  auto options = MakeTextOptions(app, config, **provider, flags.max_cost);
  if (!options.ok()) return options.status();
  auto store = app.OpenStore(config, /*read_only=*/false);
  if (!store.ok()) return store.status();
  LastWarning warning;
  options->observer = &warning;
  options->stop = &InstallSignalHandlers();
  const auto report = EmbedTexts(store->get(), {flags.text}, provider->get(), *options);
  if (!report.ok()) return report.status();
  if (!report->outcome.ok()) return report->outcome;
  EMBSTORE_CRASH_POINT("question-stored");
  std::vector<float> vector(space.identity.dimensions);
  Status read = (*store)->GetVector(MakeSpaceId(space.identity), MakeTextKey(flags.text), vector);
  if (read.code() == Code::kNotFound) return NoVector(*report, warning.message);
  if (!read.ok()) return read;
  return vector;
}

Status Run(App& app, const SearchFlags& flags) {
  auto opened = OpenSplit(app, flags.split, flags.model);
  if (!opened.ok()) return opened.status();
  const auto space = QuestionSpace(opened->space, flags);
  if (!space.ok()) return space.status();
  auto searcher = Searcher::OfSplit(*opened->store, opened->split, opened->space.id, {});
  if (!searcher.ok()) return searcher.status();
  if ((*searcher)->answers() == 0) {
    return {Code::kNotFound,
            "no document of split '" + flags.split + "' has a vector yet; nothing was sent"};
  }
  const TextKey key = MakeTextKey(flags.text);
  std::vector<float> query(space->identity.dimensions);
  Status found = opened->store->GetVector(MakeSpaceId(space->identity), key, query);
  if (found.code() == Code::kNotFound) {
    auto embedded = EmbedQuestion(app, flags, *space, opened->config);
    if (!embedded.ok()) return embedded.status();
    query = std::move(*embedded);
  } else if (!found.ok()) {
    return found;
  }
  QueryOptions options = MakeQueryOptions(flags);
  if (flags.exclude_self) {
    options.accept = [&](std::uint64_t position) { return !((*searcher)->text(position) == key); };
  }
  return PrintNearest(app, *opened->store, opened->split, **searcher, query, options);
}

/// Standard input without the newline that ends it.
std::string ReadText() {
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

Status CheckFlags(const SearchFlags& flags) {
  if (flags.text.find_first_not_of(" \t\r\n\v\f") == std::string::npos) {
    return {Code::kInvalidArgument, "there is no text to search for"};
  }
  if (flags.max_cost && !ParseUsd(*flags.max_cost)) return BadCost(*flags.max_cost);
  return {};
}

int RunSearch(App& app, SearchFlags flags) {
  ProtectMemory();
  if (flags.text == "-") flags.text = ReadText();
  Status status = CheckFlags(flags);
  if (status.ok()) status = Run(app, flags);
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
