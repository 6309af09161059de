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
  double batch_seconds = 2;
  double results_delay = 0;
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
  app->add_option(
         "--billing-log", options->billing_log,
         "Append 'SHA256 MODEL DIMENSIONS ENDPOINT' for every billed text, and for those of "
         "batch jobs ' JOB half-price'")
      ->type_name("FILE");
  app->add_option("--local-dims", options->local_dimensions,
                  "Dimensions of OpenAI models called local-..., 1..3072")
      ->check(CLI::Range(1, 3072).description(""))
      ->capture_default_str();
  app->add_option("--fault", raw->faults, "Misbehave; see below")
      ->type_name("[CALL/]NAME[=VALUE][:WHEN]");
}

void AddBatchOptions(CLI::App* app, BatchOptions* options, RawOptions* raw) {
  app->add_option("--batch-seconds", raw->batch_seconds, "Time a batch job takes, with fractions")
      ->check(CLI::Range(0.0, 1e6).description(""))
      ->type_name("S")
      ->capture_default_str();
  app->add_option("--results-delay", raw->results_delay,
                  "Time from the end of a batch job to its results, with fractions")
      ->check(CLI::Range(0.0, 1e6).description(""))
      ->type_name("S")
      ->capture_default_str();
  app->add_option("--enqueued-tokens", options->enqueued_tokens,
                  "Tokens of all unfinished batch jobs; 0 means no limit");
  app->add_option("--max-batch-jobs", options->max_jobs, "Unfinished batch jobs")
      ->capture_default_str();
  app->add_option("--foreign-jobs", options->foreign_jobs,
                  "Finished jobs of another kind in the list of batch jobs");
  app->add_flag("--strict-snake", options->strict_snake,
                "Refuse batch input files with lowerCamelCase names");
  app->add_flag("--ordered-results", options->ordered_results,
                "Batch results in the order of the input, not shuffled");
  app->add_flag("--partial-results", options->partial_results,
                "Failed and cancelled batch jobs answer half of their rows, billed");
}

std::chrono::microseconds Microseconds(double seconds) {
  return std::chrono::round<std::chrono::microseconds>(std::chrono::duration<double>(seconds));
}

}  // namespace

std::optional<int> ParseOptions(int argc, const char* const* argv, Options* options) {
  CLI::App app("A local server that answers like the embedding APIs of Gemini and OpenAI.",
               "embstore-simulator");
  RawOptions raw;
  AddServerOptions(&app, options, &raw);
  AddServiceOptions(&app, options, &raw);
  AddBatchOptions(&app, &options->batch, &raw);
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
  options->batch.duration = Microseconds(raw.batch_seconds);
  options->batch.results_delay = Microseconds(raw.results_delay);
  options->max_run_time = std::chrono::seconds(raw.max_seconds);
  return std::nullopt;
}

}  // namespace embstore::simulator
