// SPDX-License-Identifier: Apache-2.0
// What every command shares: global flags, configuration, messages, exit codes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "embstore/config.h"
#include "embstore/status.h"
#include "embstore/store.h"

namespace CLI {
class App;
}

namespace embstore::tool {

/// Fixed: scripts rely on them. docs/cli.md explains each.
enum ExitCode : int {
  kExitDone = 0,
  kExitFailure = 1,
  kExitUsage = 2,
  kExitSomeFailed = 3,
  kExitInDoubt = 4,
  kExitDamage = 5,
  kExitLocked = 6,
  kExitWriteError = 7,
  kExitBudget = 8,
  kExitNotFound = 9,
  kExitRefused = 10,
  kExitInterrupted = 130,
};

ExitCode ExitCodeOf(Code code);

struct GlobalFlags {
  std::string config;  ///< Empty: ./config.yaml when there is one.
  std::string store;   ///< Empty: the configuration's cache_dir.
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool no_color = false;
};

/// One run of the command. Not thread-safe; one thread at a time.
class App {
 public:
  explicit App(const GlobalFlags& flags) : flags_(flags) {}

  const GlobalFlags& flags() const { return flags_; }

  /// The configuration; read at the first call.
  Result<Config> LoadConfiguration() const;

  /// --store, or the configuration's directory.
  std::filesystem::path StoreDirectory(const Config& config) const;

  Result<std::unique_ptr<Store>> OpenStore(const Config& config, bool read_only,
                                           bool new_ledger = false) const;
  /// For writing, and only when there is one.
  Result<std::unique_ptr<Store>> OpenExistingStore(const Config& config) const;

  /// A line on stderr, unless --quiet.
  void Say(std::string_view line) const;
  /// A line on stderr, always.
  void Warn(std::string_view line) const;

  /// Says `❌ what: message` (and in JSON mode prints an error document). Answers the exit code.
  int Fail(std::string_view what, const Status& status) const;

  /// stderr is a terminal and may be drawn upon.
  bool IsTerminal() const;
  bool UseColor() const;

 private:
  Result<std::unique_ptr<Store>> Open(const Config& config, StoreOptions options) const;

  const GlobalFlags& flags_;
};

/// Prints to stdout. kWriteFailed when it cannot be written (a full disk, a closed pipe).
Status Print(std::string_view text);

/// The JSON document that stands on stdout when a command fails.
void PrintJsonError(const Status& status);

/// "1,234,567".
std::string WithCommas(std::uint64_t value);

/// A command: adds itself to the parser and answers what to run when it was chosen.
using CommandBody = std::function<int(App&)>;
CommandBody AddIngest(CLI::App& parser);
CommandBody AddPlan(CLI::App& parser);
CommandBody AddExport(CLI::App& parser);
CommandBody AddGet(CLI::App& parser);
CommandBody AddSimilar(CLI::App& parser);
CommandBody AddSearch(CLI::App& parser);
CommandBody AddStatus(CLI::App& parser);
CommandBody AddJobs(CLI::App& parser);
CommandBody AddImport(CLI::App& parser);
CommandBody AddVerify(CLI::App& parser);
CommandBody AddGc(CLI::App& parser);
CommandBody AddRecover(CLI::App& parser);

}  // namespace embstore::tool
