// SPDX-License-Identifier: Apache-2.0
// The embstore command: parses the line, runs one command, answers its exit code.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app.h"
#include "embstore/version.h"
#include "engine/base/crash_point.h"
#include "engine/base/seeded_bug.h"
#include "engine/base/text.h"
#include "providers.h"
#include "signals.h"

namespace {

using embstore::tool::App;
using embstore::tool::CommandBody;
using embstore::tool::GlobalFlags;

struct Command {
  std::string_view name;
  CommandBody (*add)(CLI::App&);
};

constexpr std::array kCommands = {
    Command{"ingest", embstore::tool::AddIngest},   Command{"plan", embstore::tool::AddPlan},
    Command{"export", embstore::tool::AddExport},   Command{"get", embstore::tool::AddGet},
    Command{"similar", embstore::tool::AddSimilar}, Command{"search", embstore::tool::AddSearch},
    Command{"status", embstore::tool::AddStatus},   Command{"jobs", embstore::tool::AddJobs},
    Command{"verify", embstore::tool::AddVerify},   Command{"gc", embstore::tool::AddGc},
    Command{"import", embstore::tool::AddImport},   Command{"recover", embstore::tool::AddRecover},
};

void AddGlobalFlags(CLI::App& parser, GlobalFlags& flags) {
  parser.add_option("--config", flags.config, "Configuration (default: ./config.yaml)")
      ->envname("EMBSTORE_CONFIG");
  parser.add_option("--store", flags.store, "Cache directory (default: embedding.cache_dir)")
      ->envname("EMBSTORE_STORE");
  parser.add_flag("--json", flags.json, "Print one JSON document");
  auto* quiet = parser.add_flag("--quiet", flags.quiet, "Only results, warnings and errors");
  parser.add_flag("--verbose", flags.verbose, "Also what the storage engine says")->excludes(quiet);
  parser.add_flag("--no-color", flags.no_color, "Plain output");
  parser.set_version_flag("--version", std::string("embstore ") + EMBSTORE_VERSION);
}

int UsageError(const GlobalFlags& flags, const std::string& message) {
  fmt::print(stderr, "embstore: {}\nRun 'embstore --help', or 'embstore COMMAND --help'.\n",
             message);
  if (flags.json) embstore::tool::PrintJsonError({embstore::Code::kInvalidArgument, message});
  return embstore::tool::kExitUsage;
}

/// What the parser did not know: a mistyped command or flag, or one word too many.
std::string DescribeUnknown(const std::string& given, bool has_command) {
  const std::string word = given.substr(0, given.find('='));  // What follows may be a key.
  if (word.starts_with("-")) return "unknown option '" + embstore::Printable(word, 40) + "'";
  if (has_command) return "unexpected argument '" + embstore::Printable(word, 40) + "'";
  std::vector<std::string_view> names;
  for (const Command& command : kCommands) names.push_back(command.name);
  const std::string_view near = embstore::NearestName(word, names);
  return "unknown command '" + embstore::Printable(word, 40) + "'" +
         (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?");
}

/// Prints what --help or --version asked for.
int Answer(const CLI::App& parser, const CLI::Success& request, const GlobalFlags& flags) {
  std::ostringstream text;
  const int code = parser.exit(request, text, text);
  const embstore::Status printed = embstore::tool::Print(text.str());
  return printed.ok() ? code : App(flags).Fail("Cannot print", printed);
}

int Run(int argc, char** argv) {
  CLI::App parser("Embed every distinct text once, keep its vector, export it in order.",
                  "embstore");
  parser.fallthrough();
  parser.allow_extras();
  GlobalFlags flags;
  AddGlobalFlags(parser, flags);
  std::vector<std::pair<std::string_view, CommandBody>> bodies;
  for (const Command& command : kCommands) bodies.emplace_back(command.name, command.add(parser));
  try {
    parser.parse(argc, argv);
  } catch (const CLI::Success& request) {
    return Answer(parser, request, flags);
  } catch (const CLI::ParseError& error) {
    // The flag may stand behind the mistake, where the parser never came.
    flags.json = std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
    return UsageError(flags, error.what());
  }
  std::vector<std::string> unknown = parser.remaining(/*recurse=*/true);
  std::erase(unknown, "--");
  const auto chosen = parser.get_subcommands();
  if (!unknown.empty()) {
    return UsageError(flags, DescribeUnknown(unknown.front(), !chosen.empty()));
  }
  if (chosen.empty()) {
    fmt::print(stderr, "{}", parser.help());
    if (flags.json) {
      embstore::tool::PrintJsonError({embstore::Code::kInvalidArgument, "no command"});
    }
    return embstore::tool::kExitUsage;
  }
  App app(flags);
  for (const auto& [name, body] : bodies) {
    if (chosen.front()->get_name() == name) return body(app);
  }
  return embstore::tool::kExitFailure;
}

}  // namespace

#ifdef EMBSTORE_CRASH_POINTS
namespace {

/// Test builds only. True: the names were asked for, and that is all.
bool PrepareCrash(int argc, char** argv) {
  if (argc == 2 && argv[1] == std::string_view("crash-points")) {
    for (const std::string_view name : embstore::CrashPointNames()) fmt::print("{}\n", name);
    return true;
  }
  const char* const log = std::getenv("EMBSTORE_CRASH_LOG");
  if (log != nullptr && !embstore::LogCrashPoints(log)) {
    throw std::invalid_argument(std::string("cannot write ") + log);
  }
  const char* const spec = std::getenv("EMBSTORE_CRASH_AT");
  if (spec == nullptr || embstore::ArmCrashPoint(spec)) return false;
  throw std::invalid_argument(std::string("no such crash point: ") + spec);
}

}  // namespace
#endif

#ifdef EMBSTORE_SEEDED_BUGS
namespace {

/// Test builds only.
void PlantBug() {
  const char* const bug = std::getenv("EMBSTORE_SEEDED_BUG");
  if (bug == nullptr || embstore::PlantSeededBug(bug)) return;
  throw std::invalid_argument(std::string("no such seeded bug: ") + bug);
}

}  // namespace
#endif

int main(int argc, char** argv) {
  embstore::tool::IgnoreFileSizeSignal();
  try {
    if (embstore::tool::TakeKeys()) embstore::tool::ProtectMemory();
#ifdef EMBSTORE_CRASH_POINTS
    if (PrepareCrash(argc, argv)) return 0;
#endif
#ifdef EMBSTORE_SEEDED_BUGS
    PlantBug();
#endif
    return Run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "embstore: unexpected error: {}\nWhat was committed is safe.\n",
               error.what());
    return embstore::tool::kExitFailure;
  }
}
