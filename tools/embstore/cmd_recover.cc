// SPDX-License-Identifier: Apache-2.0
// embstore recover: brings a damaged cache directory back to work without paying.
#include <fmt/core.h>

#include <cstdio>

#include "app.h"
#include "embstore/recover.h"
#include "engine/json/json_writer.h"
#include "flags.h"
#include "providers.h"
#include "rows.h"
#include "settings.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Recovery failed";

struct RecoverFlags {
  bool yes = false;
  bool give_up = false;
  std::vector<std::string> exports;
  std::vector<std::string> inputs;
  IngestFlags format;
};

std::optional<Money> CostAgain(const Config& config, const RecoverReport::Loss& loss) {
  return CostToEmbed(config, loss.space, loss.tokens);
}

void WriteDamages(std::string_view name, const std::vector<Damage>& damages, JsonWriter* json) {
  json->Key(name).BeginArray();
  for (const Damage& damage : damages) {
    json->BeginObject();
    json->Key("kind").String(damage.kind);
    json->Key("where").String(damage.where);
    json->Key("what").String(damage.what);
    json->EndObject();
  }
  json->EndArray();
}

void WriteLost(const RecoverReport& report, const Config& config, JsonWriter* json) {
  json->Key("lost").BeginArray();
  for (const RecoverReport::Loss& loss : report.lost) {
    json->BeginObject();
    json->Key("space").String(ToHex(loss.id));
    json->Key("model").String(loss.space.identity.model);
    json->Key("texts").Uint(loss.texts);
    json->Key("tokens").Uint(loss.tokens);
    json->Key("embed_again_usd");
    const auto cost = CostAgain(config, loss);
    cost ? json->Double(cost->usd()) : json->Null();
    json->Key("documents").BeginArray();
    for (const std::string& document : loss.documents) json->String(document);
    json->EndArray();
    json->EndObject();
  }
  json->EndArray();
}

void WriteLedger(const RecoverReport& report, JsonWriter* json) {
  json->Key("ledger").BeginObject();
  json->Key("new").Bool(report.new_ledger);
  json->Key("entries").Uint(report.ledger_entries);
  json->Key("unread_bytes").Uint(report.ledger_unread);
  json->Key("lost_requests").Uint(report.ledger_requests);
  json->Key("witnessed_texts").Uint(report.witnessed);
  json->Key("witnessed_usd").Double(report.witnessed_cost.usd());
  json->Key("estimated_texts").Uint(report.witnessed_estimated);
  json->Key("unpriced_texts").Uint(report.witnessed_unpriced);
  json->EndObject();
}

std::string ReportJson(const RecoverReport& report, const Config& config, bool dry_run) {
  std::string out;
  JsonWriter json(&out, 2);
  json.BeginObject();
  json.Key("dry_run").Bool(dry_run);
  json.Key("complete").Bool(report.complete());
  json.Key("new_store").Bool(report.new_store);
  WriteDamages("damaged", report.damaged, &json);
  json.Key("total_damaged").Uint(report.total_damaged);
  json.Key("kept").BeginObject();
  json.Key("vectors").Uint(report.kept_vectors);
  json.Key("texts").Uint(report.kept_texts);
  json.Key("lists").Uint(report.kept_lists);
  json.Key("rebuilt_index").Uint(report.rebuilt_index);
  json.EndObject();
  json.Key("dropped_lists").BeginArray();
  for (const std::string& split : report.dropped_lists) json.String(split);
  json.EndArray();
  json.Key("sources").BeginArray();
  for (const RecoverReport::Source& source : report.sources) {
    json.BeginObject();
    json.Key("name").String(source.name);
    json.Key("vectors").Uint(source.vectors);
    json.Key("rescaled").Uint(source.rescaled);
    json.EndObject();
  }
  json.EndArray();
  WriteLost(report, config, &json);
  json.Key("lost_unpaid").Uint(report.lost_unpaid);
  json.Key("given_up").Bool(report.given_up);
  WriteLedger(report, &json);
  json.Key("set_aside").BeginArray();
  for (const auto& path : report.set_aside) json.String(path.string());
  json.EndArray();
  json.Key("remarks").BeginArray();
  for (const std::string& remark : report.remarks) json.String(remark);
  json.EndArray();
  WriteDamages("left", report.left, &json);
  json.Key("total_left").Uint(report.total_left);
  json.EndObject();
  return out + "\n";
}

std::string DamageLines(const std::vector<Damage>& damages, std::uint64_t total) {
  constexpr std::size_t kMostShown = 20;
  std::string out;
  for (std::size_t i = 0; i < damages.size() && i < kMostShown; ++i) {
    out += fmt::format("{}: {}\n  {}\n", damages[i].kind, damages[i].where, damages[i].what);
  }
  if (total > kMostShown) out += fmt::format("... and {} more\n", WithCommas(total - kMostShown));
  return out;
}

using Facts = std::vector<std::pair<std::string, std::string>>;

void AddLedgerFacts(const RecoverReport& report, Facts* facts) {
  if (!report.new_ledger) {
    facts->emplace_back("ledger", "as it is");
    return;
  }
  facts->emplace_back(
      "ledger", fmt::format("made anew of {} entries; {} of it cannot be read",
                            WithCommas(report.ledger_entries), FormatBytes(report.ledger_unread)));
  if (report.witnessed > 0) {
    facts->emplace_back(
        "", fmt::format("{} texts, {}, are written down as the store has them",
                        WithCommas(report.witnessed), FormatUsd(report.witnessed_cost)));
  }
  if (report.witnessed_estimated > report.witnessed_unpriced) {
    facts->emplace_back(
        "", fmt::format("of these, {} texts by an estimate of their tokens or their price",
                        WithCommas(report.witnessed_estimated - report.witnessed_unpriced)));
  }
  if (report.witnessed_unpriced > 0) {
    facts->emplace_back("", fmt::format("of these, {} texts for an unknown sum, written down as "
                                        "$0: name their model under pricing.models",
                                        WithCommas(report.witnessed_unpriced)));
  }
  if (report.ledger_requests > 0) {
    facts->emplace_back("", fmt::format("{} requests cannot be read: in doubt, for an unknown sum",
                                        WithCommas(report.ledger_requests)));
  }
}

void AddLost(const RecoverReport& report, const Config& config, Facts* facts) {
  for (const RecoverReport::Loss& loss : report.lost) {
    const auto cost = CostAgain(config, loss);
    std::string documents;
    for (const std::string& document : loss.documents) {
      documents += (documents.empty() ? ": " : ", ") + document;
    }
    if (!documents.empty() && loss.documents.size() < loss.texts) documents += ", ...";
    facts->emplace_back("lost", fmt::format("{} texts of {}, about {} to embed again{}",
                                            WithCommas(loss.texts), loss.space.identity.model,
                                            cost ? FormatUsd(*cost) : "an unknown sum", documents));
  }
  if (report.lost_unpaid > 0) {
    facts->emplace_back("lost", WithCommas(report.lost_unpaid) +
                                    " vectors that were not paid for; 'embstore ingest' or "
                                    "'import' brings them again");
  }
}

std::string ReportTable(const RecoverReport& report, const Config& config) {
  std::string out = DamageLines(report.damaged, report.total_damaged);
  if (!out.empty()) out += "\n";
  Facts facts = {
      {"damaged", report.total_damaged == 0 ? "nothing" : WithCommas(report.total_damaged)}};
  if (report.total_damaged > 0) {
    facts.emplace_back(
        "kept",
        fmt::format("{} vectors, {} texts, {} document lists", WithCommas(report.kept_vectors),
                    WithCommas(report.kept_texts), WithCommas(report.kept_lists)));
    for (const RecoverReport::Source& source : report.sources) {
      facts.emplace_back(
          "brought back",
          fmt::format("{} vectors from {}{}", WithCommas(source.vectors), source.name,
                      source.rescaled > 0 ? ", scaled back from unit length" : ""));
    }
    for (const std::string& split : report.dropped_lists) {
      facts.emplace_back("list", "of split '" + split +
                                     "' is dropped; 'embstore ingest' writes it again for nothing");
    }
    AddLost(report, config, &facts);
    AddLedgerFacts(report, &facts);
  }
  for (const auto& path : report.set_aside) {
    facts.emplace_back("set aside",
                       path.string() + "; it may be removed once 'embstore verify' is content");
  }
  out += FormatFacts(facts);
  if (report.total_left > 0) {
    out += "\nstill damaged:\n" + DamageLines(report.left, report.total_left);
  }
  return out;
}

int Conclude(const App& app, const RecoverReport& report, const RecoverFlags& flags) {
  for (const std::string& remark : report.remarks) app.Warn(remark);
  if (!flags.yes && report.total_damaged > 0) {
    app.Say("nothing was changed; the same command with --yes does it");
  }
  if (report.lost.empty() || report.given_up) {
    return flags.yes && report.total_left > 0 ? kExitDamage : kExitDone;
  }
  app.Warn(
      "what is lost is not bought again unless you say so: --exports DIR names a directory with "
      "exports to look into, --give-up lets the next ingest pay for it");
  return kExitDamage;
}

int RunRecover(App& app, const RecoverFlags& flags) {
  auto config = app.LoadConfiguration();
  if (!config.ok()) return app.Fail(kFailed, config.status());
  RecoverOptions options;
  options.dry_run = !flags.yes;
  options.give_up = flags.give_up;
  options.store_texts = config->embedding.store_texts;
  options.price_of = [&](const SpaceRecord& space) { return PriceToEmbed(*config, space); };
  options.export_directories.assign(flags.exports.begin(), flags.exports.end());
  std::vector<std::unique_ptr<Dataset>> inputs;
  for (const std::string& file : flags.inputs) {
    auto input = OpenInput(file, flags.format, *config);
    if (!input.ok()) return app.Fail(kFailed, input.status());
    inputs.push_back(*std::move(input));
    options.inputs.push_back(inputs.back().get());
  }
  const bool draws = app.IsTerminal() && !app.flags().quiet;
  if (draws) {
    options.on_progress = [](std::string_view what) {
      fmt::print(stderr, "\r\x1b[Kreading {}", what);
      std::fflush(stderr);
    };
  }
  const auto report = Recover(app.StoreDirectory(*config), options);
  if (draws) fmt::print(stderr, "\r\x1b[K");
  if (!report.ok()) return app.Fail(kFailed, report.status());
  const Status printed = Print(app.flags().json ? ReportJson(*report, *config, options.dry_run)
                                                : ReportTable(*report, *config));
  if (!printed.ok()) return app.Fail(kFailed, printed);
  return Conclude(app, *report, flags);
}

}  // namespace

CommandBody AddRecover(CLI::App& parser) {
  auto flags = std::make_shared<RecoverFlags>();
  CLI::App* command = parser.add_subcommand("recover", "Bring a damaged store back without paying");
  command->add_flag("--yes", flags->yes, "Do it; without it, only say what would be done");
  command->add_option("--exports", flags->exports,
                      "Look for exports in this directory too; may be given again");
  command->add_option("--input", flags->inputs,
                      "Documents of a split, where lists or texts are lost; may be given again");
  AddFormatFlags(*command, flags->format);
  command->add_flag("--give-up", flags->give_up,
                    "Let the next ingest buy again what cannot be brought back");
  return [flags](App& app) { return RunRecover(app, *flags); };
}

}  // namespace embstore::tool
