// SPDX-License-Identifier: Apache-2.0
// embstore export: a split as an array or a table, with metadata.
#include <fmt/core.h>

#include "app.h"
#include "embstore/export.h"
#include "engine/base/text.h"
#include "engine/json/json_writer.h"
#include "flags.h"
#include "rows.h"
#include "settings.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Export failed";

struct ExportFlags {
  std::string split;
  std::string output_dir;
  std::string format = "npy";
  std::string missing = "fail";
  std::uint32_t dimensions = 0;
  bool no_normalize = false;
  bool verify = false;
  std::optional<std::string> model;
};

Result<ExportFormat> ParseFormat(const std::string& word) {
  if (word == "npy") return ExportFormat::kNpy;
  if (word == "arrow") return ExportFormat::kArrow;
  return Status(Code::kInvalidArgument,
                "--format is npy or arrow, not '" + Printable(word, 40) + "'");
}

Result<MissingPolicy> ParseMissing(const std::string& word) {
  if (word == "fail") return MissingPolicy::kFail;
  if (word == "skip") return MissingPolicy::kSkip;
  if (word == "nan") return MissingPolicy::kNan;
  return Status(Code::kInvalidArgument, "--missing is fail, skip or nan, not '" + word + "'");
}

std::string ReportJson(const ExportFlags& flags, const ExportReport& r) {
  std::string out;
  JsonWriter json(&out, 2);
  json.BeginObject();
  json.Key("split").String(flags.split);
  json.Key("path").String(r.path.string());
  json.Key("shape").BeginArray().Uint(r.rows).Uint(r.dimensions).EndArray();
  json.Key("missing").Uint(r.missing);
  json.Key("unchanged").Bool(r.unchanged);
  json.EndObject();
  return out + "\n";
}

/// Whether the first numbers of a vector are by themselves a vector of the same meaning.
bool IsTrainedForCuts(std::string_view model) {
  return model.starts_with("gemini-embedding-") || model.starts_with("text-embedding-3-");
}

int RunExport(App& app, const ExportFlags& flags) {
  auto format = ParseFormat(flags.format);
  if (!format.ok()) return app.Fail(kFailed, format.status());
  auto missing = ParseMissing(flags.missing);
  if (!missing.ok()) return app.Fail(kFailed, missing.status());
  auto opened = OpenSplit(app, flags.split, flags.model);
  if (!opened.ok()) return app.Fail(kFailed, opened.status());

  ExportOptions options;
  options.split = flags.split;
  options.space = opened->space.id;
  options.format = *format;
  options.output_dir = flags.output_dir;
  options.missing = *missing;
  options.dimensions = flags.dimensions;
  options.normalize = opened->config.embedding.normalize && !flags.no_normalize;
  options.verify = flags.verify;
  auto report = ExportSplit(*opened->store, options);
  if (!report.ok()) return app.Fail(kFailed, report.status());

  if (report->unchanged) app.Say("unchanged: the export is left as it is");
  const EmbeddingIdentity& identity = opened->space.record.identity;
  if (report->dimensions < identity.dimensions && !IsTrainedForCuts(identity.model)) {
    app.Say(
        fmt::format("note: a cut suits models that are trained for it (Matryoshka), such as "
                    "gemini-embedding-001; '{}' is not known to be one",
                    identity.model));
  }
  if (report->missing > 0) {
    app.Warn(fmt::format("{} documents have no vector ({})", report->missing,
                         *missing == MissingPolicy::kSkip ? "left out" : "rows of NaN"));
  }
  const Status printed =
      Print(app.flags().json ? ReportJson(flags, *report)
                             : fmt::format("{}  float32 ({}, {})\n", report->path.string(),
                                           report->rows, report->dimensions));
  return printed.ok() ? kExitDone : app.Fail(kFailed, printed);
}

}  // namespace

CommandBody AddExport(CLI::App& parser) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* command =
      parser.add_subcommand("export", "Write a split as .npy or .arrow with its metadata");
  command->add_option("split", flags->split, "Name of the split")->required();
  command->add_option("--output-dir", flags->output_dir, "Instead of the cache directory");
  command->add_option("--format", flags->format, "npy (default) or arrow: an Arrow IPC file");
  command->add_option("--missing", flags->missing, "Documents without vector: fail, skip or nan");
  command->add_option("--dimensions", flags->dimensions, "Keep only the first N numbers")
      ->check(WholeNumber(8192));
  command->add_flag("--no-normalize", flags->no_normalize, "Rows as the provider returned them");
  command->add_flag("--verify", flags->verify, "Read the files back and compare");
  AddModelFlag(*command, flags->model);
  return [flags](App& app) { return RunExport(app, *flags); };
}

}  // namespace embstore::tool
