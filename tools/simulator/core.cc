// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/core.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "tools/simulator/models.h"
#include "tools/simulator/reply_faults.h"

namespace embstore::simulator {

Core::Core(const Options& options, Clock clock)
    : options_(options),
      clock_(std::move(clock)),
      embedder_(options.seed),
      faults_(options.faults, options.seed),
      quotas_(options.quotas),
      id_source_(std::uint64_t{std::random_device{}()} << 32U | std::random_device{}()) {
  if (!options.billing_log.empty()) {
    billing_log_ = std::make_unique<BillingLog>(options.billing_log);
  }
}

HttpReply Core::Guarded(CallKind kind, const std::function<HttpReply()>& call) {
  const std::vector<Fault> faults = faults_.Next(kind);
  const ModelInfo& model = Models().front();
  RefuseByFault(faults, model, options_.tier);
  HttpReply reply = call();
  SpoilReply(faults, model, options_.tier, &reply);
  return reply;
}

void Core::Bill(std::string_view lines, std::size_t texts) {
  texts_billed_ += texts;
  if (billing_log_ && texts > 0) billing_log_->Append(lines);
}

std::string Core::NewId(std::size_t size) {
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::uniform_int_distribution<std::size_t> letter(0, kLetters.size() - 1);
  const std::lock_guard lock(id_mutex_);
  std::string id;
  while (id.size() < size) id += kLetters[letter(id_source_)];
  return id;
}

std::string FormatTimestamp(TimePoint time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto micros = (time - seconds).count();
  const std::time_t whole = std::chrono::system_clock::to_time_t(seconds);
  std::tm utc{};
  gmtime_r(&whole, &utc);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 64> text{};
  // The clock ends at microseconds, the service at nanoseconds.
  std::snprintf(text.data(), text.size(), "%s.%06d%03dZ", date.data(), static_cast<int>(micros),
                static_cast<int>(micros % 1000));
  return text.data();
}

}  // namespace embstore::simulator
