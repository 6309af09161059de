// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

namespace embstore::tool {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::uint64_t kDocumentsPerLine = 1000;
constexpr std::uint64_t kBarCells = 30;

}  // namespace

std::string FormatDuration(double seconds) {
  const auto total = static_cast<std::uint64_t>(std::max(seconds, 0.0) + 0.5);
  if (total >= 3600) {
    return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
  }
  return fmt::format("{}:{:02}", total / 60, total % 60);
}

void ProgressPrinter::OnWarning(const std::string& message) {
  Finish();
  app_.Warn(message);
}

void ProgressPrinter::OnNotice(const std::string& message) {
  Finish();
  app_.Say(message);
}

void ProgressPrinter::OnPlan(const IngestPlan& plan) {
  started_ = clock_.Monotonic();
  if (plan.to_embed == 0) return;
  app_.Say(fmt::format(
      "{} documents, {} distinct texts: {} cached, {} to embed (about {} tokens, {})",
      WithCommas(plan.documents), WithCommas(plan.unique_documents), WithCommas(plan.cached),
      WithCommas(plan.to_embed), WithCommas(plan.tokens), FormatUsd(plan.cost)));
}

void ProgressPrinter::OnBatchStart(const BatchStart& batch) {
  if (HasBar() || batch.last_position < next_line_at_) return;
  next_line_at_ = batch.last_position / kDocumentsPerLine * kDocumentsPerLine + kDocumentsPerLine;
  app_.Say(fmt::format("📊 Processing batch {}/{} (documents {}-{})", batch.number, batch.total,
                       batch.first_position, batch.last_position));
}

void ProgressPrinter::OnProgress(const IngestProgress& progress) {
  if (!HasBar()) return;
  const auto now = clock_.Monotonic();
  if (now - last_drawn_ < kRedraw && progress.texts_done < progress.texts_total) return;
  last_drawn_ = now;
  DrawBar(progress);
}

void ProgressPrinter::DrawBar(const IngestProgress& p) {
  const double elapsed = std::chrono::duration<double>(clock_.Monotonic() - started_).count();
  const double rate = elapsed > 0 ? static_cast<double>(p.texts_done) / elapsed : 0;
  const double left =
      rate > 0 ? static_cast<double>(p.texts_total - std::min(p.texts_done, p.texts_total)) / rate
               : 0;
  const std::uint64_t cells =
      std::min(kBarCells, p.texts_done * kBarCells / std::max<std::uint64_t>(p.texts_total, 1));
  std::string bar;
  for (std::uint64_t i = 0; i < kBarCells; ++i) bar += i < cells ? "█" : "░";
  const std::string_view on = app_.UseColor() ? "\x1b[36m" : "";
  const std::string_view off = app_.UseColor() ? "\x1b[0m" : "";
  fmt::print(stderr, "\r\x1b[K{}{}{} {}/{}  {:.0f}/s  ETA {}  {}", on, bar, off,
             WithCommas(p.texts_done), WithCommas(p.texts_total), rate, FormatDuration(left),
             FormatUsd(p.cost));
  std::fflush(stderr);
  bar_drawn_ = true;
}

void ProgressPrinter::Finish() {
  if (bar_drawn_) fmt::print(stderr, "\n");
  bar_drawn_ = false;
}

}  // namespace embstore::tool
