// SPDX-License-Identifier: Apache-2.0
// What is in tests/golden/ledger-v1/ledger. Never change it: a ledger of another format gets a
// folder and a header of its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embstore/identity.h"
#include "engine/ledger/ledger.h"

namespace embstore::golden {

inline constexpr const char* kLedgerStoreId = "00112233445566778899aabbccddeeff";
inline constexpr std::int64_t kLedgerMicros = 1'790'000'000'123'456;
inline constexpr SpaceId kLedgerSpace = {0xcf4397c01a634948};
inline constexpr LedgerPosition kLedgerStart = {100, 7};

inline RequestIntent LedgerIntent(bool batch, std::vector<std::uint64_t> keys) {
  RequestIntent intent;
  intent.run = batch ? 2 : 1;
  intent.split = batch ? "train" : "plain";
  intent.model = "golden-model";
  intent.space = kLedgerSpace;
  intent.batch = batch;
  intent.tokens = 100 * keys.size();
  intent.price = {batch ? 75'000 : 150'000};
  intent.keys = std::move(keys);
  intent.micros = kLedgerMicros;
  if (batch) {
    intent.provider = "golden-provider";
    intent.display_name = "embstore-golden";
    intent.input_bytes = 5'000'000'000;
    intent.input_digest = 0x8000'0000'0000'0001;
  }
  return intent;
}

/// Request 1: stored, counted by the server. 2: wasted. 3: not billed. 4: in doubt. 5: a job stored
/// in two commits but for one text, which was billed. 6: a job, abandoned. 7: a job, created. 8:
/// quarantined. 9: under way.
inline Status WriteGoldenLedger(Ledger* ledger) {
  std::vector<Status> done;
  const auto begin = [&](bool batch, std::vector<std::uint64_t> keys) {
    done.push_back(ledger->Begin(LedgerIntent(batch, std::move(keys))).status());
  };
  const auto commit = [&](std::uint64_t number, std::vector<CommitShare> shares) {
    done.push_back(ledger->AddCommit(number, shares));
  };
  const auto end = [&](Ending ending) { done.push_back(ledger->End(ending)); };
  const auto change = [&](JobChange job) { done.push_back(ledger->ChangeJob(job)); };
  begin(false, {0x1111111111111111, 0xffffffffffffffff});
  commit(101, {{1, 2, 190, 200, true, true}});
  commit(102, {});
  begin(false, {21});
  end({2, RequestEnd::kWasted, 101, 0, {}, "not finite", kLedgerMicros + 2});
  begin(false, {31});
  end({3, RequestEnd::kNotBilled, 0, 0, {}, "too many requests", kLedgerMicros + 3});
  begin(false, {41, 42});
  end({4, RequestEnd::kInDoubt, 0, 0, {}, "connection lost: \xC3\xA4", kLedgerMicros + 4});
  begin(true, {51, 52, 53});
  change({5, JobStep::kUploaded, "", "files/in", "", "", "", kLedgerMicros + 5});
  change({5, JobStep::kCreated, "batches/five", "", "files/out", "JOB_STATE_SUCCEEDED", "slow",
          kLedgerMicros + 6});
  commit(103, {{5, 1, 100, 100, false, false}});
  commit(104, {{5, 1, 100, 100, false, false}});
  end({5, RequestEnd::kStored, 90, 1, {53}, "one text was refused", kLedgerMicros + 7});
  change({5, JobStep::kEnded, "", "", "", "", "", kLedgerMicros + 8});
  begin(true, {61});
  end({6, RequestEnd::kAbandoned, 0, 0, {}, "given up", kLedgerMicros + 9});
  begin(true, {71, 72});
  change({7, JobStep::kCreating, "", "", "", "", "", kLedgerMicros + 10});
  change({7, JobStep::kCreated, "batches/seven", "", "", "", "", kLedgerMicros + 11});
  begin(false, {81});
  change({8, JobStep::kQuarantined, "", "", "", "", "wrong count", kLedgerMicros + 12});
  begin(false, {91});
  for (Status& status : done) {
    if (!status.ok()) return std::move(status);
  }
  return ledger->Sync();
}

}  // namespace embstore::golden
