// SPDX-License-Identifier: Apache-2.0
#include "app.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "engine/base/text.h"
#include "engine/json/json_writer.h"

namespace embstore::tool {

ExitCode ExitCodeOf(Code code) {
  switch (code) {
    case Code::kOk:
      return kExitDone;
    case Code::kInvalidArgument:
      return kExitUsage;
    case Code::kNotFound:
      return kExitNotFound;
    case Code::kCorruption:
      return kExitDamage;
    case Code::kLocked:
      return kExitLocked;
    case Code::kWriteFailed:
      return kExitWriteError;
    case Code::kInDoubt:
    case Code::kHeld:
      return kExitInDoubt;
    case Code::kBudgetReached:
      return kExitBudget;
    case Code::kQuotaExhausted:
    case Code::kPermissionDenied:
      return kExitRefused;
    case Code::kCancelled:
      return kExitInterrupted;
    case Code::kIncompatible:
    case Code::kUnavailable:
    case Code::kRateLimited:
    case Code::kRejected:
    case Code::kInvalidReply:
    case Code::kInternal:
      return kExitFailure;
  }
  return kExitFailure;
}

Result<Config> App::LoadConfiguration() const {
  if (!flags_.config.empty()) {
    auto config = LoadConfig(flags_.config);
    if (config.code() != Code::kNotFound) return config;
    return Status(Code::kInvalidArgument, config.status().message());
  }
  std::error_code error;
  if (std::filesystem::exists("config.yaml", error)) return LoadConfig("config.yaml");
  return Config();
}

std::filesystem::path App::StoreDirectory(const Config& config) const {
  return flags_.store.empty() ? config.embedding.cache_dir : std::filesystem::path(flags_.store);
}

Result<std::unique_ptr<Store>> App::OpenStore(const Config& config, bool read_only,
                                              bool new_ledger) const {
  StoreOptions options;
  options.new_ledger = new_ledger;
  options.read_only = read_only;
  return Open(config, std::move(options));
}

Result<std::unique_ptr<Store>> App::OpenExistingStore(const Config& config) const {
  StoreOptions options;
  options.create_if_missing = false;
  return Open(config, std::move(options));
}

Result<std::unique_ptr<Store>> App::Open(const Config& config, StoreOptions options) const {
  options.store_texts = config.embedding.store_texts;
  if (flags_.verbose) {
    options.log = [](std::string_view line) { fmt::print(stderr, "storage: {}\n", line); };
  }
  return Store::Open(StoreDirectory(config), options);
}

void App::Say(std::string_view line) const {
  if (!flags_.quiet) fmt::print(stderr, "{}\n", line);
}

void App::Warn(std::string_view line) const { fmt::print(stderr, "⚠️ {}\n", line); }

int App::Fail(std::string_view what, const Status& status) const {
  fmt::print(stderr, "❌ {}: {}\n", what, status.message());
  if (flags_.json) PrintJsonError(status);
  return ExitCodeOf(status.code());
}

bool App::IsTerminal() const { return ::isatty(STDERR_FILENO) == 1; }

bool App::UseColor() const {
  const char* const no_color = std::getenv("NO_COLOR");
  return IsTerminal() && !flags_.no_color && (no_color == nullptr || *no_color == '\0');
}

Status Print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
    return {};
  }
  return {Code::kWriteFailed,
          "cannot write to standard output: " + std::generic_category().message(errno)};
}

void PrintJsonError(const Status& status) {
  std::string json;
  JsonWriter(&json)
      .BeginObject()
      .Key("error")
      .BeginObject()
      .Key("code")
      .String(CodeName(status.code()))
      .Key("message")
      .String(status.message())
      .EndObject()
      .EndObject();
  Print(json + "\n").IgnoreError();
}

std::string WithCommas(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

}  // namespace embstore::tool
