// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/options.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <stdexcept>

namespace embstore::simulator {
namespace {

constexpr int kUsageError = 2;

struct RawOptions {
  std::int64_t latency_ms = 0;
  std::int64_t max_seconds = 0;
  std::vector<std::string> faults;
};

void AddServerOptions(CLI::App* app, Options* options, RawOptions* raw) {
  app->add_option("--port", options->port, "Port on 127.0.0.1; 0 picks a free one")
      ->capture_default_str();
  app->add_option("--threads", options->threads, "Connections served at the same time, 1..1024")
      ->check(CLI::Range(1, 1024).description(""))
      ->capture_default_str();
  app->add_option("--max-seconds", raw->max_seconds, "Stop after this time; 0 means never")
      ->check(CLI::Range(0, 86400).description(""))
      ->capture_default_str();
  app->add_option("--latency-ms", raw->latency_ms, "Wait before every reply")
      ->check(CLI::Range(0, 3600000).description(""))
      ->capture_default_str();
  app->add_option("--seed", options->seed, "Changes the vectors and the random faults")
      ->capture_default_str();
}

void AddServiceOptions(CLI::App* app, Options* options, RawOptions* raw) {
  static const std::map<std::string, Overlong> kOverlong{{"truncate", Overlong::kTruncate},
                                                         {"reject", Overlong::kReject}};
  static const std::map<std::string, Tier> kTiers{{"free", Tier::kFree}, {"paid", Tier::kPaid}};
  app->add_option("--key", options->key,
                  "The only valid key (default: any key that does not begin with \"bad\")")
      ->type_name("KEY");
  app->add_option("--overlong", options->overlong, "Texts above the token limit; default truncate")
      ->type_name("truncate|reject")
      ->transform(CLI::CheckedTransformer(kOverlong).description(""));
  app->add_option("--quota-rpm", options->quotas.requests_per_minute,
                  "Texts a minute and model; 0 means no limit");
  app->add_option("--quota-tpm", options->quotas.tokens_per_minute,
                  "Tokens a minute and model; 0 means no limit");
  app->add_option("--quota-rpd", options->quotas.requests_per_day,
                  "Texts a day and model; 0 means no limit");
  app->add_option("--tier", options->tier, "Quota names in 429 replies; default paid")
      ->type_name("paid|free")
      ->transform(CLI::CheckedTransformer(kTiers).description(""));
  app->add_option("--billing-log", options->billing_log,
                  "Append 'SHA256 MODEL DIMENSIONS ENDPOINT' for every billed text")
      ->type_name("FILE");
  app->add_option("--fault", raw->faults, "Misbehave; see below")->type_name("NAME[=VALUE][:WHEN]");
}

}  // namespace

std::optional<int> ParseOptions(int argc, const char* const* argv, Options* options) {
  CLI::App app("A local server that answers like the Gemini embedding API.", "embstore-simulator");
  RawOptions raw;
  AddServerOptions(&app, options, &raw);
  AddServiceOptions(&app, options, &raw);
  for (CLI::Option* option : app.get_options()) {
    if (option->get_type_name() == "UINT" || option->get_type_name() == "INT") {
      option->type_name("N");
    }
  }
  app.footer(FaultHelp());
  try {
    app.parse(argc, argv);
    for (const std::string& spec : raw.faults) options->faults.push_back(ParseFault(spec));
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return 0;
  } catch (const CLI::ParseError& error) {
    std::cerr << "embstore-simulator: " << error.what() << "\nTry --help.\n";
    return kUsageError;
  } catch (const std::invalid_argument& error) {
    std::cerr << "embstore-simulator: " << error.what() << "\nTry --help.\n";
    return kUsageError;
  }
  options->latency = std::chrono::milliseconds(raw.latency_ms);
  options->max_run_time = std::chrono::seconds(raw.max_seconds);
  return std::nullopt;
}

}  // namespace embstore::simulator
