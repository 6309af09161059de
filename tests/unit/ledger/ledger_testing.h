// SPDX-License-Identifier: Apache-2.0
// A ledger with entries of every kind, and all that a ledger says as one text.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/ledger/ledger.h"

namespace embstore::testing {

inline constexpr const char* kStoreId = "0123456789abcdef0123456789abcdef";
inline constexpr std::int64_t kMicros = 1'790'000'000'123'456;  // 2026-09-21.
inline constexpr std::int64_t kDay = kMicros / 86'400'000'000;
inline constexpr SpaceId kSpace = {0xcf4397c01a634948};
inline constexpr SpaceId kOtherSpace = {7};

using Keys = std::vector<std::uint64_t>;

/// `count` keys from `first`.
inline Keys KeysFrom(std::uint64_t first, std::size_t count) {
  Keys keys(count);
  std::iota(keys.begin(), keys.end(), first);
  return keys;
}

/// A synchronous request for `keys`, 10 tokens each at $0.15 per million.
inline RequestIntent Intent(Keys keys) {
  RequestIntent intent;
  intent.run = 1;
  intent.split = "train";
  intent.model = "example-model";
  intent.provider = "example-provider";
  intent.space = kSpace;
  intent.tokens = 10 * keys.size();
  intent.price = {150'000};
  intent.keys = std::move(keys);
  intent.micros = kMicros;
  return intent;
}

inline RequestIntent JobIntent(Keys keys) {
  RequestIntent intent = Intent(std::move(keys));
  intent.batch = true;
  intent.price = {75'000};
  intent.display_name = "embstore-job";
  intent.input_bytes = 4711;
  intent.input_digest = 0xfeed'beef'cafe'0042;
  return intent;
}

inline CommitShare Share(std::uint64_t request, std::uint32_t texts, bool last = true) {
  return {request, texts, 10 * std::uint64_t{texts}, 10 * std::uint64_t{texts}, false, last};
}

inline Ending EndOf(std::uint64_t request, RequestEnd end, std::string reason = "a reason") {
  Ending ending;
  ending.request = request;
  ending.end = end;
  ending.reason = std::move(reason);
  ending.micros = kMicros + 5'000'000;
  return ending;
}

inline JobChange Change(std::uint64_t request, JobStep step) {
  JobChange change;
  change.request = request;
  change.step = step;
  change.micros = kMicros + 1'000'000;
  return change;
}

/// One entry each; together every kind, field and ending, and requests that stay open.
inline std::vector<std::function<Status(Ledger&)>> AllKinds() {
  std::vector<std::function<Status(Ledger&)>> steps;
  const auto begin = [&](RequestIntent intent) {
    steps.push_back([intent](Ledger& ledger) { return ledger.Begin(intent).status(); });
  };
  const auto commit = [&](std::uint64_t number, std::vector<CommitShare> shares) {
    steps.push_back([=](Ledger& ledger) { return ledger.AddCommit(number, shares); });
  };
  const auto end = [&](Ending ending) {
    steps.push_back([ending](Ledger& ledger) { return ledger.End(ending); });
  };
  const auto change = [&](JobChange job) {
    steps.push_back([job](Ledger& ledger) { return ledger.ChangeJob(job); });
  };
  begin(Intent(KeysFrom(100, 3)));  // 1: stored.
  begin(Intent(KeysFrom(200, 2)));  // 2: wasted.
  commit(12, {{1, 3, 33, 30, true, true}});
  RequestIntent other = Intent(KeysFrom(100, 1));  // 3: refused, of another space and day.
  other.space = kOtherSpace;
  other.micros += 86'400'000'000;
  other.run = 2;
  begin(other);
  Ending wasted = EndOf(2, RequestEnd::kWasted, "not finite");
  wasted.tokens = 17;
  end(wasted);
  commit(13, {});
  end(EndOf(3, RequestEnd::kNotBilled, "429"));
  begin(JobIntent(KeysFrom(300, 70)));  // 4: a job, stored in two commits.
  JobChange uploaded = Change(4, JobStep::kUploaded);
  uploaded.input_file = "files/in";
  change(uploaded);
  JobChange created = Change(4, JobStep::kCreated);
  created.name = "batches/b";
  created.state = "JOB_STATE_RUNNING";
  created.result_file = "files/out";
  created.note = "found again";
  change(created);
  begin(Intent(KeysFrom(400, 1)));  // 5: in doubt.
  commit(14, {Share(4, 40, false)});
  end(EndOf(5, RequestEnd::kInDoubt, "connection lost"));
  begin(Intent(KeysFrom(500, 2)));  // 6: quarantined, stays so.
  JobChange quarantined = Change(6, JobStep::kQuarantined);
  quarantined.note = "wrong count";
  change(quarantined);
  commit(20, {Share(4, 29, false)});
  Ending stored = EndOf(4, RequestEnd::kStored, "");
  stored.not_stored = {369};
  stored.texts = 1;
  stored.tokens = 9;
  end(stored);
  JobChange ended = Change(4, JobStep::kEnded);
  ended.note = "settled";
  change(ended);
  begin(JobIntent(KeysFrom(600, 5)));  // 7: a job, abandoned.
  end(EndOf(7, RequestEnd::kAbandoned, "given up"));
  begin(JobIntent(KeysFrom(700, 2)));  // 8: a job, stays open.
  begin(Intent(KeysFrom(800, 4)));     // 9: left open.
  return steps;
}

inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  REQUIRE_MESSAGE(in.good(), path.string());
  return out.str();
}

inline void WriteFile(const std::filesystem::path& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
  REQUIRE(out.good());
}

inline std::unique_ptr<Ledger> MustOpen(const std::filesystem::path& path, bool read_only = false) {
  auto ledger = Ledger::Open(path, kStoreId, read_only);
  REQUIRE_MESSAGE(ledger.ok(), ledger.status().message());
  return *std::move(ledger);
}

inline std::unique_ptr<Ledger> MustCreate(const std::filesystem::path& path,
                                          LedgerPosition position = {}) {
  const Status created = Ledger::Create(path, kStoreId, position);
  REQUIRE_MESSAGE(created.ok(), created.message());
  return MustOpen(path);
}

inline void Print(const char* name, const SpendRecord::Amount& amount, std::ostream& out) {
  out << ' ' << name << ' ' << amount.texts << '/' << amount.tokens << '/' << amount.cost.nano_usd;
}

inline void Print(const JobRecord& j, std::ostream& out) {
  out << "job " << j.id << ' ' << static_cast<int>(j.step) << ' ' << j.batch << ' ' << j.name << '|'
      << j.display_name << '|' << j.input_file << '|' << j.result_file << '|' << j.state << '|'
      << j.note << '|' << j.split << '|' << j.model << '|' << j.provider << ' ' << ToHex(j.space)
      << ' ' << j.texts << ' ' << j.tokens << ' ' << j.price.micro_usd_per_million_tokens << ' '
      << j.cost.nano_usd << ' ' << j.stored_texts << ' ' << j.created_micros << ' '
      << j.updated_micros << ' ' << j.input_bytes << ' ' << j.input_digest << '\n';
}

/// All that the ledger says.
inline std::string Describe(const Ledger& ledger) {
  std::ostringstream out;
  out << "position " << ledger.position().commit << ' ' << ledger.position().charges << '\n';
  for (const std::uint64_t commit : {0, 12, 13, 14, 19, 20}) {
    out << "after " << commit << ": " << ledger.TextsAfterCommit(commit) << '\n';
  }
  for (const SpendRecord& s : ledger.Spending()) {
    out << "spend " << s.day << ' ' << s.run << ' ' << s.split << ' ' << s.model << ' ' << s.batch;
    Print("spent", s.spent, out);
    Print("wasted", s.wasted, out);
    Print("in_doubt", s.in_doubt, out);
    Print("under_way", s.under_way, out);
    out << " reported " << s.reported_tokens << '/' << s.estimate_of_reported << '\n';
  }
  for (const DoubtRecord& d : ledger.Doubts()) {
    out << "doubt " << d.request << ' ' << d.split << ' ' << d.model << ' ' << ToHex(d.space) << ' '
        << d.texts << ' ' << d.tokens << ' ' << d.cost.nano_usd << ' ' << d.since_micros << ' '
        << d.reason << '\n';
  }
  for (const JobRecord& job : ledger.Jobs()) Print(job, out);
  for (std::uint64_t request = 1; request <= 12; ++request) {
    out << "keys of " << request << ':';
    for (const std::uint64_t key : ledger.KeysOf(request)) out << ' ' << key;
    out << '\n';
  }
  for (const SpaceId space : {kSpace, kOtherSpace}) {
    out << "space " << ToHex(space) << " in doubt:";
    for (const std::uint64_t key : ledger.KeysInDoubt(space)) out << ' ' << key;
    const auto bought = ledger.FindBought(space, KeysFrom(0, 2000));
    REQUIRE_MESSAGE(bought.ok(), bought.status().message());
    out << " bought:";
    for (const std::uint64_t key : *bought) out << ' ' << key;
    out << '\n';
  }
  return out.str();
}

}  // namespace embstore::testing
