// SPDX-License-Identifier: Apache-2.0
// What the tests of ingest share: datasets, an observer that remembers, and a bench to run on.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "embstore/ingest.h"
#include "embstore/jobs.h"
#include "engine/hash/hash.h"
#include "support/fake_clock.h"
#include "support/scripted_batch_api.h"
#include "support/scripted_provider.h"
#include "support/temp_dir.h"

namespace embstore::testing {

inline std::vector<OwnedDocument> Texts(const std::vector<std::string>& texts) {
  std::vector<OwnedDocument> documents;
  for (const std::string& text : texts) documents.push_back({"", text, std::nullopt});
  return documents;
}

/// "text number 0", "text number 1", ...
inline std::vector<std::string> Numbered(int count) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back("text number " + std::to_string(i));
  return texts;
}

/// Two different texts with one XXH3-128.
inline std::pair<std::string, std::string> CollidingTexts() {
  std::string a(256, 'e');
  a.replace(32, 4, " @@@").replace(96, 4, "icvs");
  std::string b = a;
  a[36] = b[100] = 'b';
  a[100] = b[36] = 'c';
  REQUIRE(MakeTextKey(a).hash == MakeTextKey(b).hash);
  return {a, b};
}

/// What a test throws to end a run as abruptly as a process ends.
struct Killed {};

/// Collects what an ingest says; may stop it.
class Recorder final : public IngestObserver {
 public:
  void OnWarning(const std::string& message) override {
    warnings.push_back(message);
    if (on_words) on_words();
  }
  void OnNotice(const std::string& message) override {
    notices.push_back(message);
    if (on_words) on_words();
  }
  void OnPlan(const IngestPlan& p) override { plan = p; }
  void OnProgress(const IngestProgress& p) override {
    progress = p;
    if (on_progress) on_progress();
  }
  bool Warned(const std::string& part) const { return Has(warnings, part); }
  bool Noticed(const std::string& part) const { return Has(notices, part); }

  std::vector<std::string> warnings;
  std::vector<std::string> notices;
  IngestPlan plan;
  IngestProgress progress;
  std::function<void()> on_progress;
  std::function<void()> on_words;

 private:
  static bool Has(const std::vector<std::string>& messages, const std::string& part) {
    return std::any_of(messages.begin(), messages.end(), [&](const std::string& message) {
      return message.find(part) != std::string::npos;
    });
  }
};

/// A store, a provider with batch jobs, a clock, and the options to run them with.
struct Bench {
  Bench() : api(provider) {
    provider.batch_api = &api;
    Reopen();
    options.split = "s";
    options.observer = &recorder;
    options.clock = &clock;
    options.concurrency = 1;
    options.price = {1'000'000};  // A token, that is a byte, is a micro-dollar.
  }

  void Close() { store.reset(); }
  void Reopen(const StoreOptions& store_options = {}) {
    store.reset();
    auto opened = Store::Open(dir.path(), store_options);
    REQUIRE_MESSAGE(opened.ok(), opened.status().message());
    store = std::move(*opened);
  }

  Result<IngestReport> Run(std::vector<OwnedDocument> documents) {
    auto dataset = MakeMemoryDataset(std::move(documents));
    REQUIRE(dataset.ok());
    return Ingest(store.get(), **dataset, &provider, options);
  }

  IngestReport MustRun(std::vector<OwnedDocument> documents) {
    auto report = Run(std::move(documents));
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    return *report;
  }

  IngestPlan MustPlan(std::vector<OwnedDocument> documents) {
    auto dataset = MakeMemoryDataset(std::move(documents));
    REQUIRE(dataset.ok());
    auto plan = PlanIngest(store.get(), **dataset, provider, options);
    REQUIRE_MESSAGE(plan.ok(), plan.status().message());
    return *plan;
  }

  /// The stored vector of document `id`; empty when there is none.
  std::vector<float> VectorOf(const std::string& id) {
    const auto split = store->FindSplit(options.split);
    REQUIRE(split.ok());
    const auto document = store->FindDocument(*split, id);
    REQUIRE(document.ok());
    std::vector<float> vector(provider.identity().dimensions);
    return store->GetVector(space(), document->record.text, vector).ok() ? vector
                                                                         : std::vector<float>();
  }

  /// Whether the store has exactly these texts' vectors, each its own.
  bool HasAll(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      std::vector<float> vector(provider.identity().dimensions);
      if (!store->GetVector(space(), MakeTextKey(text), vector).ok()) return false;
      if (vector != provider.VectorOf(text)) return false;
    }
    return *store->CountVectors(space()) == std::set(texts.begin(), texts.end()).size();
  }

  /// The ledger's sums over everything.
  SpendRecord Sums() {
    const auto records = store->Spending();
    REQUIRE_MESSAGE(records.ok(), records.status().message());
    SpendRecord sum;
    const auto add = [](const SpendRecord::Amount& amount, SpendRecord::Amount* total) {
      total->texts += amount.texts;
      total->tokens += amount.tokens;
      total->cost += amount.cost;
    };
    for (const SpendRecord& record : *records) {
      add(record.spent, &sum.spent);
      add(record.wasted, &sum.wasted);
      add(record.in_doubt, &sum.in_doubt);
      add(record.under_way, &sum.under_way);
    }
    return sum;
  }

  std::vector<DoubtRecord> Doubts() {
    const auto doubts = store->Doubts();
    REQUIRE(doubts.ok());
    return *doubts;
  }

  /// Batch jobs and quarantined answers that are not settled.
  std::vector<JobRecord> OpenJobs() {
    auto jobs = store->Jobs();
    REQUIRE(jobs.ok());
    std::erase_if(*jobs, [](const JobRecord& job) { return !job.open(); });
    return *jobs;
  }

  SpaceId space() const { return MakeSpaceId(provider.identity()); }

  TempDir dir;
  FakeClock clock;
  ScriptedProvider provider;
  ScriptedBatchApi api;
  Recorder recorder;
  IngestOptions options;
  std::unique_ptr<Store> store;
};

/// A bench whose texts travel in batch jobs of at most ten.
struct JobBench : Bench {
  JobBench() {
    options.mode = IngestMode::kBatch;
    options.batch.max_job_texts = 10;
    options.check_pairing = false;  // These vectors know nothing of words.
  }

  /// Nothing is under way or in doubt, and what was spent is what was billed.
  bool IsSettled(std::uint64_t texts_in_doubt = 0) {
    return Sums().in_doubt.texts == texts_in_doubt && IsSettledButForDoubt();
  }
  /// For deaths around a creation: whether there is a job is not known then.
  bool IsSettledButForDoubt() {
    const SpendRecord money = Sums();
    return money.spent.tokens == api.billed_tokens() && money.under_way.texts == 0 &&
           money.wasted.texts == 0 && OpenJobs().empty();
  }
};

}  // namespace embstore::testing
