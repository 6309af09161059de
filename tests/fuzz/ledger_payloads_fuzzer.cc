// SPDX-License-Identifier: Apache-2.0
// Payloads of the ledger behind checksums that fit: a kind, a length of two bytes, a payload, and
// so on.
#include "engine/ledger/ledger_entry.h"
#include "tests/fuzz/ledgers.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

void CheckPayload(std::uint32_t kind, std::string_view payload) {
  if (payload.empty()) return;  // The reader hands out no empty one.
  std::vector<std::uint64_t> aligned((payload.size() + 7) / 8);
  std::memcpy(aligned.data(), payload.data(), payload.size());
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(aligned.data()), aligned.size() * 8);
  const auto entry = DecodePayload(kind, bytes);
  if (!entry.ok()) {
    CheckMessage(entry.status());
    FUZZ_CHECK(entry.code() == Code::kCorruption || entry.code() == Code::kIncompatible);
    return;
  }
  FUZZ_CHECK(KindOf(*entry) == kind);
  std::string written = EncodePayload(*entry);
  written.resize((written.size() + 7) / 8 * 8);
  std::vector<std::uint64_t> again_bytes(written.size() / 8);
  std::memcpy(again_bytes.data(), written.data(), written.size());
  const auto again = DecodePayload(
      kind, {reinterpret_cast<const std::uint8_t*>(again_bytes.data()), written.size()});
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(written.starts_with(EncodePayload(*again)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  std::string file = HeaderBytes();
  while (!input.empty()) {
    const std::uint32_t kind = input.Take() % 7;
    const auto length = input.Take<std::uint16_t>();
    const std::string_view payload = input.Bytes(length);
    CheckPayload(kind, payload);
    file += EncodeFrame(file.size(), kind, payload);
  }
  OpenLedger(file);
  return 0;
}
