// SPDX-License-Identifier: Apache-2.0
#include "engine/store/lost_vectors.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "engine/store/store_ledger.h"

namespace embstore {
namespace {

std::vector<std::uint64_t> AbsentKeys(std::span<const TextKey> texts,
                                      const std::vector<bool>& found) {
  std::vector<std::uint64_t> keys;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!found[i]) keys.push_back(LedgerKey(texts[i]));
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

/// Those of `keys` (sorted) that were bought, by the ledger as it was when the store was opened.
Result<std::vector<std::uint64_t>> BoughtOf(const Store::Impl& impl, SpaceId space,
                                            const std::vector<std::uint64_t>& keys) {
  const std::scoped_lock lock(impl.bought_mutex);
  auto bought = impl.bought.find(space);
  if (bought == impl.bought.end()) {
    auto all = impl.ledger->AllBought(space);
    if (!all.ok()) return all.status();
    bought = impl.bought.emplace(space, std::move(*all)).first;
  }
  std::vector<std::uint64_t> of_them;
  std::set_intersection(keys.begin(), keys.end(), bought->second.begin(), bought->second.end(),
                        std::back_inserter(of_them));
  return of_them;
}

}  // namespace

Status CheckNotLost(const Store::Impl& impl, SpaceId space, std::span<const TextKey> texts,
                    const std::vector<bool>& found) {
  if (!impl.options.read_only || impl.ledger == nullptr) return {};
  const std::vector<std::uint64_t> absent = AbsentKeys(texts, found);
  if (absent.empty()) return {};
  auto lost = BoughtOf(impl, space, absent);
  if (!lost.ok()) return lost.status();
  if (lost->empty()) return {};
  // `gc` may have dropped them after the ledger was read and before the database was opened.
  const auto now = Ledger::Open(LedgerPath(impl.directory), impl.meta.store_id, /*read_only=*/true);
  if (!now.ok()) return now.status();
  lost = (*now)->FindBought(space, *lost);
  if (!lost.ok()) return lost.status();
  if (lost->empty()) return {};
  return {Code::kCorruption,
          "the store in '" + impl.directory.string() + "' has lost vectors: by its ledger, " +
              std::to_string(lost->size()) +
              " of the texts that were asked for were paid for and stored, and they are not there. "
              "'embstore recover' says what it can bring back without paying, and with --give-up "
              "goes on without the rest; or restore the cache directory from a backup"};
}

}  // namespace embstore
