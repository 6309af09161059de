// SPDX-License-Identifier: Apache-2.0
// Damage is an error with its place; what a crash leaves of a write is not damage; and no entry
// that was acknowledged is lost to either.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/ledger/ledger.h"
#include "engine/ledger/ledger_entry.h"
#include "engine/ledger/ledger_format.h"
#include "support/file_size_limit.h"
#include "support/temp_dir.h"
#include "unit/ledger/ledger_testing.h"

namespace {
std::uint64_t synced_bytes = 0;  // Of the file that was synced last.
}

/// Stands before the system's own, to see what is durable when.
extern "C" int fdatasync(int fd) {
  struct stat info {};
  const bool known = ::fstat(fd, &info) == 0;
  const int result = static_cast<int>(::syscall(SYS_fdatasync, fd));
  if (known && result == 0) synced_bytes = static_cast<std::uint64_t>(info.st_size);
  return result;
}

namespace embstore {
namespace {

namespace fs = std::filesystem;
using namespace testing;  // NOLINT: the tests' own vocabulary.

/// A ledger file, and where its entries end and what it said after each.
struct History {
  TempDir dir;
  fs::path path = dir.path() / "ledger";
  std::vector<std::size_t> ends;
  std::vector<std::string> said;
  std::string bytes;

  explicit History(const std::vector<std::function<Status(Ledger&)>>& steps) {
    const auto ledger = MustCreate(path, {11, 3});
    Note(*ledger);
    for (const auto& step : steps) {
      const Status done = step(*ledger);
      REQUIRE_MESSAGE(done.ok(), done.message());
      Note(*ledger);
    }
    bytes = ReadFile(path);
  }
  void Note(const Ledger& ledger) {
    ends.push_back(fs::file_size(path));
    said.push_back(Describe(ledger));
  }
  /// How many entries lie before byte `at`, whole.
  std::size_t EntriesBefore(std::size_t at) const {
    std::size_t entries = 0;
    while (entries + 1 < ends.size() && ends[entries + 1] <= at) ++entries;
    return entries;
  }
  std::string UpTo(std::size_t entries) const { return bytes.substr(0, ends[entries]); }
};

std::vector<std::function<Status(Ledger&)>> Requests(const std::vector<std::size_t>& sizes) {
  std::vector<std::function<Status(Ledger&)>> steps;
  for (const std::size_t size : sizes) {
    steps.push_back([=](Ledger& l) { return l.Begin(Intent(KeysFrom(1, size))).status(); });
  }
  return steps;
}

/// How many bytes `entries` requests of one key each take, with the header.
std::size_t BytesOfOneKey() {
  static const std::size_t bytes =
      EncodeFrame(80, 1, EncodePayload(RequestEntry{1, Intent({1})})).size();
  return bytes;
}

/// Opens `bytes` for reading: damage at the entry that begins at `at`.
void CheckDamagedAt(const fs::path& path, std::size_t at) {
  const auto opened = Ledger::Open(path, kStoreId, true);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.code() == Code::kCorruption);
  const std::string message = opened.status().message();
  CHECK_MESSAGE(message.find(" at byte " + std::to_string(at) + ": ") != std::string::npos,
                message);
}

/// The file is what `entries` entries say, can be written on, and what is written stays.
void CheckGoesOn(const History& h, std::size_t entries) {
  const std::string damaged = ReadFile(h.path);
  CHECK(Describe(*MustOpen(h.path, true)) == h.said[entries]);
  CHECK(ReadFile(h.path) == damaged);
  std::string after;
  {
    const auto ledger = MustOpen(h.path);
    CHECK(fs::file_size(h.path) == h.ends[entries]);
    CHECK(Describe(*ledger) == h.said[entries]);
    REQUIRE(ledger->EndOrphans(kMicros).ok());
    REQUIRE(ledger->Begin(Intent({1900})).ok());
    REQUIRE(ledger->AddCommit(1000, {}).ok());
    after = Describe(*ledger);
  }
  CHECK(Describe(*MustOpen(h.path)) == after);
  CHECK(after != h.said[entries]);
}

void Flip(int fd, const std::string& bytes, std::size_t bit) {
  const char flipped = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  REQUIRE(::pwrite(fd, &flipped, 1, static_cast<off_t>(bit / 8)) == 1);
}

void Restore(int fd, const std::string& bytes, std::size_t bit) {
  REQUIRE(::pwrite(fd, &bytes[bit / 8], 1, static_cast<off_t>(bit / 8)) == 1);
}

/// Every flipped bit of [from, to), or every `step`-th, is damage at the entry that holds it.
void CheckEveryFlip(const History& h, std::size_t entries, std::size_t from, std::size_t to,
                    std::size_t step = 1) {
  const std::string bytes = h.UpTo(entries);
  WriteFile(h.path, bytes);
  const int fd = ::open(h.path.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(fd >= 0);
  for (std::size_t bit = from * 8; bit < to * 8; bit += step) {
    CAPTURE(bit);
    const std::size_t byte = bit / 8;
    Flip(fd, bytes, bit);
    CheckDamagedAt(h.path, byte < h.ends[0] ? 0 : h.ends[h.EntriesBefore(byte)]);
    Restore(fd, bytes, bit);
  }
  ::close(fd);
  CHECK(Describe(*MustOpen(h.path, true)) == h.said[entries]);
}

TEST_CASE("ledger: cut at any byte, it says what its whole entries say, and goes on") {
  const History h(AllKinds());
  for (std::size_t size = 0; size <= h.bytes.size(); ++size) {
    CAPTURE(size);
    WriteFile(h.path, h.bytes.substr(0, size));
    if (size < kLedgerHeaderBytes) {
      CheckDamagedAt(h.path, 0);
      CHECK(Ledger::Open(h.path, kStoreId, false).code() == Code::kCorruption);
      continue;
    }
    CheckGoesOn(h, h.EntriesBefore(size));
  }
}

TEST_CASE("ledger: any flipped bit is damage, and the message says where") {
  const History h(AllKinds());
  CheckEveryFlip(h, h.ends.size() - 1, 0, h.bytes.size());
}

TEST_CASE("ledger: any flipped bit of a last entry is damage too") {
  const History h(AllKinds());
  for (std::size_t entries = 1; entries < h.ends.size(); ++entries) {
    CheckEveryFlip(h, entries, h.ends[entries - 1], h.ends[entries]);
  }
}

TEST_CASE("ledger: a flipped bit is damage wherever a last entry lies in its sectors") {
  // The sizes of the requests before move the last one through a sector in steps of 8 bytes.
  for (std::size_t keys = 1; keys <= 64; ++keys) {
    const History h(Requests({keys, 1}));
    CheckEveryFlip(h, 2, h.ends[1], h.ends[2], 7);
  }
}

TEST_CASE("ledger: damage is not repaired by a writer either") {
  const History h(AllKinds());
  std::string bytes = h.bytes;
  bytes[h.ends[3] + 20] = static_cast<char>(bytes[h.ends[3] + 20] ^ 4);
  WriteFile(h.path, bytes);
  const auto opened = Ledger::Open(h.path, kStoreId, false);
  CHECK(opened.code() == Code::kCorruption);
  CHECK(opened.status().message().find(" at byte " + std::to_string(h.ends[3])) !=
        std::string::npos);
  CHECK(ReadFile(h.path) == bytes);
}

TEST_CASE("ledger: zeros behind the last entry are the remains of a write") {
  const History h(AllKinds());
  for (const std::size_t zeros : {1, 7, 8, 15, 16, 17, 24, 511, 512, 513, 4096, 1'000'000}) {
    CAPTURE(zeros);
    WriteFile(h.path, h.bytes + std::string(zeros, '\0'));
    CheckGoesOn(h, h.ends.size() - 1);
  }
}

TEST_CASE("ledger: a last entry with a sector that was never written is torn") {
  const History h(Requests({3, 300}));
  const std::size_t begin = h.ends[1];
  for (std::size_t at = begin; at < h.bytes.size();
       at = at / kSectorBytes * kSectorBytes + kSectorBytes) {
    CAPTURE(at);
    const std::size_t part = std::min(kSectorBytes - at % kSectorBytes, h.bytes.size() - at);
    std::string bytes = h.bytes;
    bytes.replace(at, part, part, '\0');
    WriteFile(h.path, bytes);
    CheckGoesOn(h, 1);
    // One byte of the sector that did arrive: no power cut leaves that.
    bytes[at + part - 1] = h.bytes[at + part - 1] == 0 ? 1 : h.bytes[at + part - 1];
    WriteFile(h.path, bytes);
    CheckDamagedAt(h.path, begin);
  }
}

TEST_CASE("ledger: a last entry may lack any of its sectors, its first too, at every place") {
  for (std::size_t keys = 1; keys <= 64; ++keys) {
    CAPTURE(keys);
    const History h(Requests({keys, 200}));
    const std::size_t begin = h.ends[1];
    const std::size_t first = kSectorBytes - begin % kSectorBytes;
    for (const auto& [at, part] : {std::pair(begin, first), std::pair(begin + first, kSectorBytes),
                                   std::pair(begin, first + kSectorBytes)}) {
      std::string bytes = h.bytes;
      bytes.replace(at, part, part, '\0');
      WriteFile(h.path, bytes);
      CHECK(Describe(*MustOpen(h.path, true)) == h.said[1]);
      WriteFile(h.path, bytes.substr(0, bytes.size() - 100));
      CHECK(Describe(*MustOpen(h.path, true)) == h.said[1]);
    }
  }
}

TEST_CASE("ledger: an entry that others follow is never torn") {
  const History h(Requests({3, 300, 3}));
  for (std::size_t at = h.ends[1]; at + kSectorBytes < h.ends[2];
       at = at / kSectorBytes * kSectorBytes + kSectorBytes) {
    CAPTURE(at);
    std::string bytes = h.bytes;
    const std::size_t part = kSectorBytes - at % kSectorBytes;
    bytes.replace(at, part, part, '\0');
    WriteFile(h.path, bytes);
    CheckDamagedAt(h.path, h.ends[1]);
    CHECK(Ledger::Open(h.path, kStoreId, false).code() == Code::kCorruption);
  }
}

TEST_CASE("ledger: entries that change places are damage") {
  const History h(Requests({5, 5, 5}));
  const std::size_t size = h.ends[2] - h.ends[1];
  WriteFile(h.path, h.UpTo(1) + h.bytes.substr(h.ends[2], size) + h.bytes.substr(h.ends[1], size));
  CheckDamagedAt(h.path, h.ends[1]);
  WriteFile(h.path, h.UpTo(1) + h.bytes.substr(h.ends[2]));
  CheckDamagedAt(h.path, h.ends[1]);
}

/// A ledger of the header and one entry of `kind`.
void WriteEntry(const fs::path& path, std::uint32_t kind, std::string_view payload) {
  WriteFile(path, EncodeLedgerHeader({kStoreId, {}, kMicros}) +
                      EncodeFrame(kLedgerHeaderBytes, kind, payload));
}

TEST_CASE("ledger: what a newer version wrote is refused as such") {
  const TempDir dir;
  const fs::path path = dir.path() / "ledger";
  const auto code = [&] { return Ledger::Open(path, kStoreId, false).code(); };
  for (const std::uint32_t kind : {0u, 6u, 0xffffffffu}) {
    WriteEntry(path, kind, std::string(16, 'x'));
    CHECK(code() == Code::kIncompatible);
  }
  std::string message = Ledger::Open(path, kStoreId, false).status().message();
  CHECK(message.find("newer version at byte 80") != std::string::npos);
  WriteEntry(path, 3, EncodePayload(EndOf(1, static_cast<RequestEnd>(5))));
  CHECK(code() == Code::kIncompatible);
  WriteEntry(path, 4, EncodePayload(Change(1, static_cast<JobStep>(6))));
  CHECK(code() == Code::kIncompatible);
}

TEST_CASE("ledger: a header of a newer version is refused as such") {
  const TempDir dir;
  const fs::path path = dir.path() / "ledger";
  std::string header = EncodeLedgerHeader({kStoreId, {}, kMicros});
  header[8] = 2;
  // The checksum of an entry's tail is made in the same way: over the offset and the bytes.
  const std::string frame = EncodeFrame(0, 1, header.substr(0, 72));
  header.replace(72, 8, frame.substr(frame.size() - 8));
  WriteFile(path, header);
  CHECK(Ledger::Open(path, kStoreId, true).code() == Code::kIncompatible);
}

TEST_CASE("ledger: a good checksum does not make sense of nonsense") {
  const TempDir dir;
  const fs::path path = dir.path() / "ledger";
  const auto code = [&] { return Ledger::Open(path, kStoreId, false).code(); };
  for (std::uint32_t kind = 1; kind <= 5; ++kind) {
    WriteEntry(path, kind, std::string(64, '\xff'));
    CHECK(code() == Code::kCorruption);
  }
  WriteEntry(path, 1, EncodePayload(RequestEntry{2, Intent({1})}));  // The first has number 1.
  CHECK(code() == Code::kCorruption);
  WriteEntry(path, 2, EncodePayload(CommitEntry{1, {Share(1, 1)}}));
  CHECK(code() == Code::kCorruption);
  WriteEntry(path, 3, EncodePayload(EndOf(1, RequestEnd::kWasted)));
  CHECK(code() == Code::kCorruption);
  WriteEntry(path, 4, EncodePayload(Change(1, JobStep::kCreated)));
  CHECK(code() == Code::kCorruption);
  WriteEntry(path, 1, "");  // A length of 0.
  CHECK(code() == Code::kCorruption);
  RequestIntent negative = Intent({1});
  negative.price = {-1};
  WriteEntry(path, 1, EncodePayload(RequestEntry{1, negative}));
  CHECK(code() == Code::kCorruption);
}

TEST_CASE("ledger: any payload with a good checksum is read or refused") {
  const TempDir dir;
  const fs::path path = dir.path() / "ledger";
  const RequestIntent intent = JobIntent(KeysFrom(1, 3));
  const std::vector<LedgerEntry> entries = {
      RequestEntry{1, intent}, CommitEntry{1, {Share(1, 1, false)}}, EndOf(1, RequestEnd::kWasted),
      Change(1, JobStep::kQuarantined)};
  const std::string begin = EncodeFrame(kLedgerHeaderBytes, 1, EncodePayload(entries[0]));
  std::mt19937 random(42);
  int read = 0;
  for (int i = 0; i < 8000; ++i) {
    const LedgerEntry& entry = entries[static_cast<std::size_t>(i) % entries.size()];
    std::string payload = EncodePayload(entry);
    for (std::uint32_t change = random() % 4; change > 0; --change) {
      payload[random() % payload.size()] = static_cast<char>(random() % 3 == 0 ? 0xff : random());
    }
    std::string bytes = EncodeLedgerHeader({kStoreId, {}, kMicros});
    if (entry.index() != 0) bytes += begin;
    WriteFile(path, bytes + EncodeFrame(bytes.size(), KindOf(entry), payload));
    const auto ledger = Ledger::Open(path, kStoreId, true);
    if (ledger.ok()) Describe(**ledger);
    if (ledger.ok()) ++read;
    const bool told =
        ledger.ok() || ledger.code() == Code::kCorruption || ledger.code() == Code::kIncompatible;
    CHECK(told);
  }
  CHECK(read > 1000);
  CHECK(read < 7000);
}

TEST_CASE("ledger: when the disk is full, nothing that was acknowledged is lost") {
  const std::size_t one = BytesOfOneKey();
  for (std::size_t room = 0; room < 2 * one; room += 5) {
    CAPTURE(room);
    const History h(Requests({3}));
    const auto ledger = MustOpen(h.path);
    std::uint64_t acknowledged = 1;
    Status failed;
    {
      const FileSizeLimit limit(h.bytes.size() + room);
      for (int i = 0; i < 3; ++i) {
        const auto begun = ledger->Begin(Intent({7}));
        if (begun.ok()) {
          REQUIRE(failed.ok());
          CHECK(*begun == ++acknowledged);
        } else {
          failed = begun.status();
        }
      }
    }
    CHECK(acknowledged == 1 + room / one);
    CHECK(failed.code() == Code::kWriteFailed);
    CHECK(failed.message().find("File too large") != std::string::npos);
    CHECK(failed.message().find(h.path.string()) != std::string::npos);
    CHECK(fs::file_size(h.path) == h.bytes.size() + room / one * one);
    // There is room again, but what the object knows of the disk may be wrong.
    const std::string said = Describe(*ledger);
    CHECK(ledger->Begin(Intent({8})).code() == Code::kWriteFailed);
    CHECK(ledger->End(EndOf(1, RequestEnd::kWasted)).code() == Code::kWriteFailed);
    CHECK(ledger->ChangeJob(Change(1, JobStep::kQuarantined)).code() == Code::kWriteFailed);
    CHECK(ledger->AddCommit(99, {}).code() == Code::kWriteFailed);
    CHECK(ledger->Sync().code() == Code::kWriteFailed);
    CHECK(Describe(*ledger) == said);
    const auto again = MustOpen(h.path);
    CHECK(Describe(*again) == said);
    CHECK(*again->Begin(Intent({9})) == acknowledged + 1);
  }
}

/// The descriptor under which `path` is open here.
int DescriptorOf(const fs::path& path) {
  struct stat wanted {};
  REQUIRE(::stat(path.c_str(), &wanted) == 0);
  for (int fd = 3; fd < 256; ++fd) {
    struct stat info {};
    if (::fstat(fd, &info) == 0 && info.st_ino == wanted.st_ino && info.st_dev == wanted.st_dev) {
      return fd;
    }
  }
  FAIL("not open: " << path.string());
  return -1;
}

TEST_CASE("ledger: what is promised to be durable is synced, and all but the last entry always") {
  const TempDir dir;
  const fs::path path = dir.path() / "ledger";
  auto ledger = MustCreate(path);
  const auto all_synced = [&] { return synced_bytes == fs::file_size(path); };
  REQUIRE(ledger->Begin(Intent({1})).ok());
  CHECK(all_synced());
  REQUIRE(ledger->Begin(Intent({2})).ok());
  REQUIRE(ledger->Begin(JobIntent({3})).ok());
  CHECK(all_synced());
  REQUIRE(ledger->ChangeJob(Change(3, JobStep::kCreated)).ok());
  CHECK(all_synced());
  REQUIRE(ledger->AddCommit(1, std::vector{Share(3, 1, false)}).ok());
  CHECK(all_synced());
  const auto before_end = fs::file_size(path);
  REQUIRE(ledger->End(EndOf(1, RequestEnd::kWasted)).ok());
  CHECK(synced_bytes == before_end);
  const auto before_commit = fs::file_size(path);
  REQUIRE(ledger->AddCommit(2, {}).ok());
  CHECK(synced_bytes == before_commit);
  REQUIRE(ledger->Sync().ok());
  CHECK(all_synced());
  REQUIRE(ledger->AddCommit(3, {}).ok());
  const auto left = fs::file_size(path);
  ledger = MustOpen(path);
  synced_bytes = 0;
  REQUIRE(ledger->EndOrphans(kMicros).ok());
  CHECK(all_synced());
  ledger = MustOpen(path);
  synced_bytes = 0;
  REQUIRE(ledger->AddCommit(4, {}).ok());
  CHECK(synced_bytes > left);  // What the process before wrote last.
  WriteFile(path, ReadFile(path) + "torn");
  ledger = MustOpen(path);
  CHECK(all_synced());
}

TEST_CASE("ledger: a failed sync is not tried again") {
  // /dev/null takes every write and cannot be synced; the file is swapped for it and back.
  const History h(Requests({3}));
  const auto ledger = MustOpen(h.path);
  REQUIRE(ledger->End(EndOf(1, RequestEnd::kWasted)).ok());
  const std::string said = Describe(*ledger);
  const std::string bytes = ReadFile(h.path);
  const int own = DescriptorOf(h.path);
  const int kept = ::dup(own);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  REQUIRE(::dup2(null, own) == own);
  SUBCASE("of a request") { CHECK(ledger->Begin(Intent({1})).code() == Code::kWriteFailed); }
  SUBCASE("of what was written before") { CHECK(ledger->Sync().code() == Code::kWriteFailed); }
  REQUIRE(::dup2(kept, own) == own);
  ::close(kept);
  ::close(null);
  const Status later = ledger->Begin(Intent({2})).status();
  CHECK(later.code() == Code::kWriteFailed);
  CHECK(later.message().find("cannot sync '" + h.path.string()) != std::string::npos);
  CHECK(ledger->Sync().code() == Code::kWriteFailed);
  CHECK(Describe(*ledger) == said);
  CHECK(ReadFile(h.path) == bytes);
  CHECK(Describe(*MustOpen(h.path)) == said);
}

TEST_CASE("ledger: a process that dies at once leaves all that was acknowledged") {
  const TempDir dir;
  const fs::path path = dir.path() / "ledger";
  MustCreate(path);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto ledger = Ledger::Open(path, kStoreId, false);
    const bool done = ledger.ok() && (*ledger)->Begin(Intent({1})).ok() &&
                      (*ledger)->End(EndOf(1, RequestEnd::kWasted)).ok();
    if (done) ::kill(::getpid(), SIGKILL);
    ::_exit(1);
  }
  int outcome = 0;
  REQUIRE(::waitpid(child, &outcome, 0) == child);
  REQUIRE(WIFSIGNALED(outcome));
  const auto ledger = MustOpen(path);
  REQUIRE(ledger->Spending().size() == 1);
  CHECK(ledger->Spending()[0].wasted.texts == 1);
}

}  // namespace
}  // namespace embstore
