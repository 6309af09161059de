// SPDX-License-Identifier: Apache-2.0
// What was spent, what may have been spent, and which batch jobs are under way: the ledger as plain
// values. docs/format.md describes the file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embstore/identity.h"
#include "embstore/money.h"

namespace embstore {

/// Paid requests of one run, added up. A request belongs to the UTC day on which it began.
/// For the invoice: spent + wasted <= billed <= spent + wasted + in_doubt + under_way.
struct SpendRecord {
  std::int64_t day = 0;  ///< Days since 1970-01-01, UTC.
  std::uint32_t run = 0;
  std::string split;
  std::string model;
  bool batch = false;

  struct Amount {
    std::uint64_t texts = 0;
    std::uint64_t tokens = 0;
    Money cost;
  };
  Amount spent;      ///< Paid, and the vectors are stored.
  Amount wasted;     ///< Paid for an answer that could not be used.
  Amount in_doubt;   ///< The answer was lost: paid or not, nobody here knows.
  Amount under_way;  ///< Sent and not settled: batch jobs, quarantined answers, requests running.

  /// Where the server counted tokens: its count, and the estimate for the same texts.
  std::uint64_t reported_tokens = 0;
  std::uint64_t estimate_of_reported = 0;
};

/// A request whose answer was lost.
struct DoubtRecord {
  std::uint64_t request = 0;
  std::string split;
  std::string model;
  SpaceId space;
  std::uint64_t texts = 0;
  std::uint64_t tokens = 0;
  Money cost;  ///< If it was billed.
  std::int64_t since_micros = 0;
  std::string reason;
};

/// Where a job stands, by what the ledger knows.
enum class JobStep : std::uint8_t {
  kPlanned = 0,      ///< Written down; nothing was sent.
  kUploaded = 1,     ///< The input file is on the server.
  kCreating = 2,     ///< Creation was asked for; the answer is not known.
  kCreated = 3,      ///< The server has it.
  kQuarantined = 4,  ///< The answer came and was refused: waits for a person.
  kEnded = 5,        ///< Settled, cancelled or abandoned.
};

/// A batch job, or a synchronous request whose answer is quarantined.
struct JobRecord {
  std::uint64_t id = 0;  ///< The number of its request in the ledger.
  JobStep step = JobStep::kPlanned;
  bool batch = true;
  std::string name;          ///< On the server, such as "batches/x"; empty: not known.
  std::string display_name;  ///< What we named it.
  std::string input_file;    ///< On the server; empty: not known.
  std::string result_file;   ///< On the server; empty: not known.
  std::string state;         ///< As the server last said it, or our own word.
  std::string note;          ///< Why it is quarantined, or what went wrong.
  std::string split;
  std::string model;
  std::string provider;
  SpaceId space;
  std::uint64_t texts = 0;
  std::uint64_t tokens = 0;  ///< Estimated.
  Price price;
  Money cost;                       ///< Of the estimate, or once it ended what was settled.
  std::uint64_t stored_texts = 0;   ///< Committed to the store so far.
  std::int64_t created_micros = 0;  ///< When it was written down.
  std::int64_t updated_micros = 0;
  std::uint64_t input_bytes = 0;   ///< Of the local copy of the input file.
  std::uint64_t input_digest = 0;  ///< First 8 bytes of its XXH3-128, big-endian.

  bool open() const { return step != JobStep::kEnded; }
};

}  // namespace embstore
