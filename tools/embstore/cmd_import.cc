// SPDX-License-Identifier: Apache-2.0
// embstore import: vectors that were paid for elsewhere.
#include <fmt/core.h>

#include <system_error>
#include <utility>

#include "app.h"
#include "embstore/import.h"
#include "engine/base/text.h"
#include "engine/json/json_writer.h"
#include "flags.h"
#include "progress.h"
#include "rows.h"
#include "settings.h"
#include "signals.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Import failed";

struct ImportFlags {
  IngestFlags split;
  std::optional<std::string> npy;
  std::optional<std::string> llm;
  std::string collection;
  std::optional<std::string> langchain;
  std::optional<std::string> name_space;
  std::optional<std::string> jsonl;
  std::optional<std::string> gemini_batch;
  std::optional<std::string> openai_batch;
  std::string requests;
  bool accept = false;
  bool overwrite = false;
  bool dry_run = false;
};

Status CheckSourceFlags(const ImportFlags& flags) {
  const bool batch = flags.gemini_batch || flags.openai_batch;
  const int sources = static_cast<int>(flags.npy.has_value()) + flags.llm.has_value() +
                      flags.langchain.has_value() + flags.jsonl.has_value() +
                      flags.gemini_batch.has_value() + flags.openai_batch.has_value();
  if (sources != 1) {
    return {Code::kInvalidArgument,
            "where are the vectors? Give one of --npy, --llm, --langchain, --jsonl, "
            "--gemini-batch and --openai-batch"};
  }
  if (flags.requests.empty() || batch) return {};
  return {Code::kInvalidArgument, "--requests belongs to --gemini-batch or --openai-batch"};
}

Result<std::unique_ptr<VectorSource>> OpenChosen(const ImportFlags& flags,
                                                 const std::filesystem::path& scratch) {
  if (flags.npy) return OpenNpyVectors(*flags.npy);
  if (flags.llm) return OpenLlmVectors(*flags.llm, flags.collection, scratch);
  if (flags.langchain) return OpenLangchainVectors(*flags.langchain, flags.name_space);
  if (flags.jsonl) return OpenJsonlVectors(*flags.jsonl, scratch);
  if (flags.gemini_batch) {
    return OpenGeminiBatchVectors(*flags.gemini_batch, flags.requests, scratch);
  }
  return OpenOpenAiBatchVectors(*flags.openai_batch, flags.requests, scratch);
}

Result<std::unique_ptr<VectorSource>> OpenSource(const ImportFlags& flags,
                                                 const std::filesystem::path& scratch) {
  auto source = OpenChosen(flags, scratch);
  if (source.code() == Code::kNotFound) {
    return Status(Code::kInvalidArgument, source.status().message());
  }
  return source;
}

std::string ReportJson(const ImportFlags& flags, const ImportReport& r) {
  std::string out;
  JsonWriter json(&out, 2);
  json.BeginObject();
  json.Key("split").String(flags.split.split);
  json.Key("source").String(r.source);
  json.Key("documents").Uint(r.documents);
  json.Key("unique_documents").Uint(r.unique_documents);
  json.Key("matched").Uint(r.matched);
  json.Key("imported").Uint(r.imported);
  json.Key("cached").Uint(r.cached);
  json.Key("differing").Uint(r.differing);
  json.Key("conflicting").Uint(r.conflicting);
  json.Key("unmatched_rows").Uint(r.unmatched_rows);
  json.Key("missing").Uint(r.missing);
  json.Key("dimensions").Uint(r.dimensions);
  json.Key("space").String(ToHex(r.space));
  json.Key("complete").Bool(r.complete);
  json.Key("dry_run").Bool(flags.dry_run);
  json.Key("remarks").BeginArray();
  for (const std::string& remark : r.remarks) json.String(remark);
  json.EndArray();
  if (!r.outcome.ok()) {
    json.Key("error").BeginObject();
    json.Key("code").String(CodeName(r.outcome.code()));
    json.Key("message").String(r.outcome.message());
    json.EndObject();
  }
  json.EndObject();
  return out + "\n";
}

std::string ReportTable(const ImportFlags& flags, const ImportReport& r) {
  return FormatFacts({
      {"split", flags.split.split},
      {"source", r.source},
      {"documents",
       fmt::format("{} ({} distinct)", WithCommas(r.documents), WithCommas(r.unique_documents))},
      {"matched", WithCommas(r.matched)},
      {flags.dry_run ? "to import" : "imported", WithCommas(r.imported)},
      {"cached", WithCommas(r.cached)},
      {"differing", WithCommas(r.differing)},
      {"unmatched", WithCommas(r.unmatched_rows) + " rows"},
      {"missing", WithCommas(r.missing) + " documents"},
      {"dimensions", std::to_string(r.dimensions)},
      {"cost", FormatUsd(Money())},
      {"space", ToHex(r.space)},
      {"complete", r.complete ? "yes" : "no"},
  });
}

/// ": a, b, ...", or nothing when no name is known.
std::string Names(const std::vector<std::string>& names, std::uint64_t count) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? ": " : ", ") + Printable(name, 200);
  }
  return !names.empty() && names.size() < count ? text + ", ..." : text;
}

void WarnOfLeftovers(const App& app, const ImportFlags& flags, const ImportReport& r) {
  for (const std::string& remark : r.remarks) app.Warn(remark);
  if (r.conflicting > 0) {
    app.Warn(fmt::format(
        "{} texts or ids have several different vectors in {}; the first of each counts",
        r.conflicting, r.source));
  }
  if (r.differing > 0 && !flags.overwrite) {
    app.Warn(fmt::format(
        "{} texts have another vector than {} and were left alone; --overwrite takes the new ones",
        r.differing, r.source));
  }
  if (r.unmatched_rows > 0) {
    app.Warn(fmt::format("{} rows of {} belong to no document{}", r.unmatched_rows, r.source,
                         Names(r.unmatched_names, r.unmatched_rows)));
  }
  // Of an import that ended early the rest of its own is missing too: that it goes on says enough.
  if (r.outcome.ok() && r.missing > 0) {
    app.Warn(fmt::format("{} documents {} no vector{}", r.missing,
                         flags.dry_run ? "would have" : "have", Names(r.missing_ids, r.missing)));
  }
}

int Conclude(const App& app, const ImportFlags& flags, const ImportReport& report) {
  WarnOfLeftovers(app, flags, report);
  if (report.outcome.code() == Code::kCancelled) {
    app.Say("interrupted: what was imported is stored. Run the same command to go on.");
  } else if (!report.outcome.ok()) {
    fmt::print(stderr,
               "❌ {}: {}\nWhat was imported before is stored. Run the same command to go on.\n",
               kFailed, report.outcome.message());
  } else if (!flags.dry_run) {
    app.Say(fmt::format("✅ Imported {} vectors", WithCommas(report.imported)));
  }
  const Status printed =
      Print(app.flags().json ? ReportJson(flags, report) : ReportTable(flags, report));
  if (!printed.ok()) return app.Fail("Cannot print the report", printed);
  return ExitCodeOf(report.outcome.code());
}

class Warnings final : public IngestObserver {
 public:
  explicit Warnings(const App& app) : app_(app) {}
  void OnWarning(const std::string& message) override { app_.Warn(message); }

 private:
  const App& app_;
};

/// The input, or the split's list in the store where there is no input.
Result<const Dataset*> ChooseDocuments(const Store* store, PreparedImport* prepared) {
  if (prepared->dataset == nullptr) {
    if (store == nullptr || prepared->options.limit > 0) return prepared->no_input;
    auto stored = OpenStoredDataset(*store, prepared->options.split);
    if (!stored.ok()) {
      return stored.code() == Code::kNotFound ? prepared->no_input : stored.status();
    }
    prepared->dataset = std::move(*stored);
  }
  return prepared->dataset.get();
}

Result<ImportReport> PlanOnly(App& app, PreparedImport* prepared, VectorSource* source) {
  auto opened = app.OpenStore(prepared->config, /*read_only=*/true);
  if (!opened.ok() && opened.code() != Code::kNotFound) return opened.status();
  const Store* const store = opened.ok() ? opened->get() : nullptr;
  const auto documents = ChooseDocuments(store, prepared);
  if (!documents.ok()) return documents.status();
  return PlanImport(store, **documents, source, prepared->options);
}

Result<ImportReport> ImportAll(App& app, PreparedImport* prepared, VectorSource* source) {
  auto store = app.OpenStore(prepared->config, /*read_only=*/false);
  if (!store.ok()) return store.status();
  const auto documents = ChooseDocuments(store->get(), prepared);
  if (!documents.ok()) return documents.status();
  auto report = ImportVectors(store->get(), **documents, source, prepared->options);
  if (!report.ok()) return report;
  const Status closed = (*store)->Close();
  if (report->outcome.ok()) report->outcome = closed;
  return report;
}

int RunImport(App& app, const ImportFlags& flags) {
  const StopFlag& stop = InstallSignalHandlers();
  if (Status checked = CheckSourceFlags(flags); !checked.ok()) return app.Fail(kFailed, checked);
  auto prepared = PrepareImport(app, flags.split);
  if (!prepared.ok()) return app.Fail(kFailed, prepared.status());
  // A dry run leaves the cache directory alone.
  const std::filesystem::path scratch =
      flags.dry_run ? std::filesystem::temp_directory_path() : app.StoreDirectory(prepared->config);
  auto source = OpenSource(flags, scratch);
  if (!source.ok()) return app.Fail(kFailed, source.status());
  Warnings warnings(app);
  ImportOptions& options = prepared->options;
  options.overwrite = flags.overwrite;
  options.check_pairing = options.check_pairing && !flags.accept;
  options.observer = &warnings;
  options.stop = &stop;
  const auto report = flags.dry_run ? PlanOnly(app, &*prepared, source->get())
                                    : ImportAll(app, &*prepared, source->get());
  if (!report.ok()) return app.Fail(kFailed, report.status());
  return Conclude(app, flags, *report);
}

void AddSourceFlags(CLI::App& command, ImportFlags& flags) {
  command.add_option("--npy", flags.npy, "NumPy file: row i belongs to document i");
  CLI::Option* const llm = command.add_option("--llm", flags.llm, "Database of llm's embeddings");
  command.add_option("--collection", flags.collection, "Which, if there are several")->needs(llm);
  CLI::Option* const langchain =
      command.add_option("--langchain", flags.langchain, "Folder of LangChain's cache");
  command.add_option("--namespace", flags.name_space, "Which, if there are several")
      ->needs(langchain);
  command.add_option("--jsonl", flags.jsonl, "Lines with text or id, and embedding");
  command.add_option("--gemini-batch", flags.gemini_batch, "Result file of a Gemini batch job");
  command.add_option("--openai-batch", flags.openai_batch, "Result file of an OpenAI batch job");
  command.add_option("--requests", flags.requests, "Input file of the batch job, for its texts");
}

}  // namespace

CommandBody AddImport(CLI::App& parser) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command = parser.add_subcommand("import", "Bring in vectors paid for elsewhere");
  AddSplitFlags(*command, flags->split);
  AddSourceFlags(*command, *flags);
  command->add_flag("--overwrite", flags->overwrite, "Also texts that have another vector");
  command->add_flag("--accept", flags->accept, "Even if vectors do not seem to fit their texts");
  command->add_flag("--dry-run", flags->dry_run, "Only check and count; write nothing");
  return [flags](App& app) { return RunImport(app, *flags); };
}

}  // namespace embstore::tool
