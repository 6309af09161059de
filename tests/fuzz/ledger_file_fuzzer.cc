// SPDX-License-Identifier: Apache-2.0
// The file of a ledger, byte by byte: every checksum is what the input says.
#include "tests/fuzz/ledgers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embstore;
  using namespace embstore::fuzz;
  const auto ledger = OpenLedger(Input(data, size).rest());
  if (!ledger) return 0;
  // It goes on, and what is added is there the next time.
  const std::string before = FileBytes(Scratch() / "ledger");
  RequestIntent intent;
  intent.split = "train";
  intent.tokens = 7;
  intent.keys = {9};
  if (!ledger->Begin(intent).ok()) return 0;
  const std::string after = FileBytes(Scratch() / "ledger");
  FUZZ_CHECK(after.starts_with(before) && after.size() > before.size());
  const auto again = Ledger::Open(Scratch() / "ledger", kStoreId, true);
  FUZZ_CHECK(again.ok() && Describe(**again) == Describe(*ledger));
  return 0;
}
