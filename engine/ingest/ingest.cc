// SPDX-License-Identifier: Apache-2.0
#include "embstore/ingest.h"

#include "engine/base/split_name.h"
#include "engine/ingest/ingest_run.h"
#include "engine/ingest/plan.h"
#include "engine/ingest/scan.h"
#include "engine/store/store_writer.h"
#include "engine/store/write_run.h"

namespace embstore {
namespace {

Status CheckIdentity(const Provider& provider) {
  if (provider.identity().dimensions > 0 && !provider.identity().model.empty()) return {};
  return {Code::kInvalidArgument,
          "the provider's identity has no model or no dimensions; nothing was sent"};
}

/// Budgets are kept by price, so they hold nothing back without one.
Status CheckMoney(const Provider& provider, const IngestOptions& options) {
  if (!provider.paid()) return {};
  if (options.price < Price{}) {
    return {Code::kInvalidArgument, "the price is below zero; nothing was sent"};
  }
  const Budgets& budgets = options.budgets;
  for (const auto& budget : {budgets.per_run, budgets.per_day, budgets.per_split}) {
    if (!budget) continue;
    if (*budget < Money{}) {
      return {Code::kInvalidArgument, "a budget is below zero; nothing was sent"};
    }
    if (options.price == Price{}) {
      return {Code::kInvalidArgument,
              "a budget needs a price, and none is known; nothing was sent"};
    }
  }
  return {};
}

}  // namespace

Result<IngestPlan> PlanIngest(const Store* store, const Dataset& dataset, const Provider& provider,
                              const IngestOptions& options) {
  if (Status checked = CheckSplitName(options.split); !checked.ok()) return checked;
  const ScanOptions scan_options{MakeSpaceId(provider.identity()), options.limit, options.refresh};
  auto scan = ScanDataset(store, dataset, provider, scan_options, {});
  if (!scan.ok()) return scan.status();
  if (store != nullptr) {
    Status counted = CountKeptAsCached(store->directory(), scan_options.space, &*scan);
    if (!counted.ok()) return counted;
  }
  SetAside aside;
  double token_ratio = 1;
  const Ledger* const ledger = store == nullptr ? nullptr : StoreWriter::LedgerOf(*store);
  if (store != nullptr && ledger == nullptr) {
    if (auto spending = store->Spending(); !spending.ok()) return spending.status();
  }
  if (ledger != nullptr) {
    auto set_aside =
        SetTextsAside(*ledger, scan_options.space, options.doubt, options.price, &*scan);
    if (!set_aside.ok()) return set_aside.status();
    aside = *set_aside;
    token_ratio = LearnedTokenRatio(*ledger, provider.identity().model);
  }
  ProviderLimits limits = EffectiveLimits(provider, options);
  if (options.mode == IngestMode::kBatch) limits = JobLimits(limits, options.batch);
  return MakePlan(*scan, aside, limits, options.price, token_ratio);
}

Result<IngestReport> Ingest(Store* store, const Dataset& dataset, Provider* provider,
                            const IngestOptions& options) {
  if (Status checked = CheckSplitName(options.split); !checked.ok()) return checked;
  if (Status checked = CheckIdentity(*provider); !checked.ok()) return checked;
  if (options.mode == IngestMode::kBatch && (provider->batch() == nullptr || !provider->paid())) {
    return Status(Code::kInvalidArgument, "provider '" + std::string(provider->name()) +
                                              "' has no batch jobs; nothing was sent: embed in "
                                              "sync mode");
  }
  if (Status checked = CheckMoney(*provider, options); !checked.ok()) return checked;
  const auto turn = WriteRun::Begin(store, options.stop);
  if (!turn.ok()) return turn.status();
  return IngestRun(store, dataset, provider, options).Run();
}

Result<IngestReport> EmbedTexts(Store* store, const std::vector<std::string>& texts,
                                Provider* provider, const IngestOptions& options) {
  if (!options.split.empty() || options.mode == IngestMode::kBatch) {
    return Status(
        Code::kInvalidArgument,
        "texts without a split are embedded by calls, not by batch jobs; nothing was sent");
  }
  if (Status checked = CheckIdentity(*provider); !checked.ok()) return checked;
  if (Status checked = CheckMoney(*provider, options); !checked.ok()) return checked;
  const auto turn = WriteRun::Begin(store, options.stop);
  if (!turn.ok()) return turn.status();
  std::vector<OwnedDocument> documents;
  for (const std::string& text : texts) documents.push_back({"", text, {}});
  auto dataset = MakeMemoryDataset(std::move(documents));
  if (!dataset.ok()) return dataset.status();
  IngestOptions own = options;
  own.write_checkpoint = false;
  return IngestRun(store, **dataset, provider, own).Run();
}

}  // namespace embstore
