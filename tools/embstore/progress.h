// SPDX-License-Identifier: Apache-2.0
// What a running ingest says on stderr: a bar on a terminal, lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "app.h"
#include "embstore/ingest.h"

namespace embstore::tool {

/// Not thread-safe; one thread at a time.
class ProgressPrinter final : public IngestObserver {
 public:
  ProgressPrinter(const App& app, Clock& clock) : app_(app), clock_(clock) {}

  void OnWarning(const std::string& message) override;
  void OnNotice(const std::string& message) override;
  void OnPlan(const IngestPlan& plan) override;
  void OnBatchStart(const BatchStart& batch) override;
  void OnProgress(const IngestProgress& progress) override;

  /// Ends the bar's line.
  void Finish();

 private:
  void DrawBar(const IngestProgress& progress);
  bool HasBar() const { return app_.IsTerminal() && !app_.flags().quiet; }

  const App& app_;
  Clock& clock_;
  std::chrono::nanoseconds started_{0};
  std::chrono::nanoseconds last_drawn_{0};
  std::uint64_t next_line_at_ = 0;
  bool bar_drawn_ = false;
};

/// "1:02:03" or "2:03".
std::string FormatDuration(double seconds);

}  // namespace embstore::tool
