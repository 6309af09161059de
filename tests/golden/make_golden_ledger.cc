// SPDX-License-Identifier: Apache-2.0
// Makes tests/golden/ledger-v1/ledger. Run once for each format, never again for an old one:
//   make_golden_ledger NEW_FILE
#include <cstdio>
#include <filesystem>

#include "golden/golden_ledger.h"

namespace embstore {
namespace {

Status MakeGoldenLedger(const std::filesystem::path& path) {
  if (Status created = Ledger::Create(path, golden::kLedgerStoreId, golden::kLedgerStart);
      !created.ok()) {
    return created;
  }
  const auto ledger = Ledger::Open(path, golden::kLedgerStoreId, /*read_only=*/false);
  return ledger.ok() ? golden::WriteGoldenLedger(ledger->get()) : ledger.status();
}

}  // namespace
}  // namespace embstore

int main(int argc, char** argv) {
  if (argc != 2 || std::filesystem::exists(argv[1])) {
    std::fprintf(stderr, "usage: make_golden_ledger NEW_FILE\n");
    return 2;
  }
  const embstore::Status made = embstore::MakeGoldenLedger(argv[1]);
  if (!made.ok()) std::fprintf(stderr, "make_golden_ledger: %s\n", made.message().c_str());
  return made.ok() ? 0 : 1;
}
