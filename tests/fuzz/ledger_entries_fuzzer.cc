// SPDX-License-Identifier: Apache-2.0
// Well-formed entries of a ledger in any order and with any numbers: those that can follow each
// other, and those that cannot.
#include "engine/ledger/ledger_entry.h"
#include "tests/fuzz/ledgers.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

/// Mostly small numbers, now and then any.
std::uint64_t TakeNumber(Input* input) {
  const auto first = input->Take();
  return first == 0xFF ? input->Take<std::uint64_t>() : first;
}

std::vector<std::uint64_t> TakeKeys(Input* input) {
  std::vector<std::uint64_t> keys(input->Take() % 4);
  for (std::uint64_t& key : keys) key = TakeNumber(input);
  return keys;
}

std::string TakeWord(Input* input) { return std::string(input->Bytes(input->Take() % 4)); }

RequestEntry TakeRequest(Input* input) {
  RequestEntry entry;
  entry.request = TakeNumber(input);
  entry.intent.space = {input->Take() % 2 == 0 ? 0U : 7U};
  entry.intent.batch = input->Take() % 2 == 1;
  entry.intent.tokens = TakeNumber(input);
  entry.intent.price = {static_cast<std::int64_t>(TakeNumber(input))};
  entry.intent.keys = TakeKeys(input);
  entry.intent.micros = static_cast<std::int64_t>(TakeNumber(input));
  entry.intent.split = TakeWord(input);
  return entry;
}

CommitEntry TakeCommit(Input* input) {
  CommitEntry entry;
  entry.number = TakeNumber(input);
  entry.shares.resize(input->Take() % 3);
  for (CommitShare& share : entry.shares) {
    share.request = TakeNumber(input);
    share.texts = static_cast<std::uint32_t>(TakeNumber(input));
    share.tokens = TakeNumber(input);
    share.estimated_tokens = TakeNumber(input);
    share.reported = input->Take() % 2 == 1;
    share.last = input->Take() % 2 == 1;
  }
  return entry;
}

Ending TakeEnding(Input* input) {
  Ending ending;
  ending.request = TakeNumber(input);
  ending.end = static_cast<RequestEnd>(input->Take() % 5);
  ending.tokens = TakeNumber(input);
  ending.texts = static_cast<std::uint32_t>(TakeNumber(input));
  ending.not_stored = TakeKeys(input);
  ending.reason = TakeWord(input);
  ending.micros = static_cast<std::int64_t>(TakeNumber(input));
  return ending;
}

LedgerEntry TakeEntry(Input* input) {
  switch (input->Take() % 6) {
    case 0:
    case 1:
      return TakeRequest(input);
    case 2:
      return TakeCommit(input);
    case 3:
      return TakeEnding(input);
    case 4: {
      JobChange change;
      change.request = TakeNumber(input);
      change.step = static_cast<JobStep>(input->Take() % 5);
      change.name = TakeWord(input);
      change.state = TakeWord(input);
      change.micros = static_cast<std::int64_t>(TakeNumber(input));
      return change;
    }
    default:
      return Removal{{input->Take() % 2 == 0 ? 0U : 7U}, TakeKeys(input), 5};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  std::string file = HeaderBytes();
  while (!input.empty()) {
    const LedgerEntry entry = TakeEntry(&input);
    file += EncodeFrame(file.size(), KindOf(entry), EncodePayload(entry));
  }
  const auto ledger = OpenLedger(file);
  if (!ledger) return 0;
  // Whatever is open ends in doubt when its process is gone; the sums stay sums.
  FUZZ_CHECK(ledger->EndOrphans(9).ok());
  for (const SpendRecord& record : ledger->Spending()) {
    for (const auto* amount :
         {&record.spent, &record.wasted, &record.in_doubt, &record.under_way}) {
      FUZZ_CHECK(amount->cost.nano_usd >= 0);
    }
  }
  const std::string described = Describe(*ledger);
  const auto again = Ledger::Open(Scratch() / "ledger", kStoreId, true);
  FUZZ_CHECK(again.ok() && Describe(**again) == described);
  return 0;
}
