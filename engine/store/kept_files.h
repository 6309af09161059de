// SPDX-License-Identifier: Apache-2.0
// Answers as files of `<cache_dir>/jobs`: texts with their vectors, proved by the last line. Either
// a person has to decide about them (quarantined), or no commit could store them (kept).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/identity.h"
#include "embstore/money.h"
#include "embstore/status.h"
#include "engine/json/json_reader.h"
#include "engine/ledger/ledger.h"

namespace embstore {

std::filesystem::path JobsDirectory(const std::filesystem::path& directory);
/// Whether it is there. A link in its place is none of ours: what it leads to is somebody else's.
bool HasJobsDirectory(const std::filesystem::path& directory);
/// Makes it, for this user only, when there is none.
Status MakeJobsDirectory(const std::filesystem::path& directory);
/// Only when it is empty.
void RemoveJobsDirectory(const std::filesystem::path& directory);

/// `request`: the first one of the answers in it.
std::filesystem::path KeptPath(const std::filesystem::path& directory, std::uint64_t request);
std::filesystem::path QuarantinePath(const std::filesystem::path& directory, std::uint64_t request);
std::filesystem::path ReservePath(const std::filesystem::path& directory, std::size_t number);

bool IsKeptFile(const std::filesystem::path& path);
bool IsReserveFile(const std::filesystem::path& path);
/// The request whose quarantined answer it is.
std::optional<std::uint64_t> RequestOfQuarantine(const std::filesystem::path& path);

/// All files of jobs/ in the order of their names; none when there is no such directory, or a
/// link in its place. kWriteFailed: it cannot be read.
Result<std::vector<std::filesystem::path>> ListJobsDirectory(
    const std::filesystem::path& directory);

// --- Rows and the last line --------------------------------------------------------------------

struct ReplyRow {
  std::string text;
  std::uint32_t tokens = 0;
};

/// `tokens` 0: not written.
void AppendReplyRow(std::string_view text, std::uint32_t tokens, std::span<const float> vector,
                    std::string* content);
/// Reads such a row. False: it is none.
bool ReadReplyRow(const JsonValue& line, ReplyRow* row, std::vector<float>* vectors);

/// Adds the line that proves those before it.
void SealReply(std::string* content);
/// What stands before that line. Nothing: it does not match.
std::optional<std::string_view> UnsealReply(std::string_view content);

/// A quarantined answer, whatever space it is of.
struct QuarantinedAnswer {
  std::vector<std::string> texts;
  std::vector<float> vectors;    ///< float32 (texts, dimensions), row major.
  std::uint32_t dimensions = 0;  ///< 0: it has no text.
};
/// kNotFound: no such file. kCorruption: damaged, or its vectors differ in length.
Result<QuarantinedAnswer> ReadAnswer(const std::filesystem::path& path);
/// What such an answer is when it is damaged.
Status DamagedAnswer(const std::filesystem::path& path);

/// Sorted LedgerKeys of `texts`.
std::vector<std::uint64_t> LedgerKeysOf(std::span<const std::string> texts);

// --- Kept answers ------------------------------------------------------------------------------

/// Answers to one batch of texts, which a commit could not store.
struct KeptReply {
  SpaceId space;
  std::uint32_t dimensions = 0;
  std::uint32_t run = 0;
  std::string split;
  Price price;
  std::vector<CommitShare> shares;  ///< Each ends its request.
  std::vector<ReplyRow> rows;       ///< Those of the first share, then those of the next.
  std::vector<float> vectors;       ///< float32 (rows, dimensions), row major.
};

/// At most so many bytes has a file of `texts` rows whose texts as JSON have `text_bytes`.
std::uint64_t MostKeptBytes(std::uint64_t texts, std::uint64_t text_bytes,
                            std::uint32_t dimensions);

struct Commit;
/// The file for `commit`, which is what one batch brought. REQUIRES: it has shares and
/// a run.
std::string EncodeKept(const Commit& commit, Price price);

/// kNotFound: no such file. kCorruption: damaged. kWriteFailed: it cannot be read for now.
Result<KeptReply> ReadKept(const std::filesystem::path& path);

/// What waits in `directory` to be stored.
struct KeptSummary {
  std::uint64_t replies = 0;
  std::uint64_t texts = 0;
  std::uint64_t bytes = 0;
  std::vector<std::filesystem::path> damaged;
};
Result<KeptSummary> SummarizeKept(const std::filesystem::path& directory);

}  // namespace embstore
