// SPDX-License-Identifier: Apache-2.0
// What the endpoints share: settings, clock, vectors, faults, quotas and books.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>

#include "tools/simulator/billing_log.h"
#include "tools/simulator/embedder.h"
#include "tools/simulator/fault.h"
#include "tools/simulator/http_message.h"
#include "tools/simulator/options.h"
#include "tools/simulator/quota.h"

namespace embstore::simulator {

/// Tells the time; a parameter so that tests can set it.
using Clock = std::function<TimePoint()>;

/// Safe for concurrent use.
class Core {
 public:
  /// Throws std::system_error when the billing log cannot be opened.
  Core(const Options& options, Clock clock);

  const Options& options() const { return options_; }
  const Embedder& embedder() const { return embedder_; }
  TimePoint Now() const { return clock_(); }
  FaultPlan& faults() { return faults_; }
  QuotaKeeper& quotas() { return quotas_; }

  /// Answers `call`, refused or spoiled by the faults for calls of `kind` that strike any reply.
  HttpReply Guarded(CallKind kind, const std::function<HttpReply()>& call);

  /// Books `texts` texts, one a line of `lines`. Throws std::system_error.
  void Bill(std::string_view lines, std::size_t texts);
  bool keeps_log() const { return billing_log_ != nullptr; }
  std::uint64_t texts_billed() const { return texts_billed_; }

  /// `size` letters and digits that no other run of the simulator gave out.
  std::string NewId(std::size_t size);

 private:
  const Options options_;
  const Clock clock_;
  const Embedder embedder_;
  FaultPlan faults_;
  QuotaKeeper quotas_;
  std::unique_ptr<BillingLog> billing_log_;
  std::atomic<std::uint64_t> texts_billed_{0};
  std::mutex id_mutex_;
  std::mt19937_64 id_source_;
};

/// "2026-08-19T14:34:12.267870162Z".
std::string FormatTimestamp(TimePoint time);

}  // namespace embstore::simulator
