// SPDX-License-Identifier: Apache-2.0
#include "engine/recover/lost_jobs.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/base/file.h"
#include "engine/hash/hash.h"
#include "engine/ingest/job_files.h"
#include "engine/json/json_reader.h"
#include "engine/record/keys.h"
#include "engine/store/kept_files.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostInputBytes = std::uint64_t{2} << 30;
constexpr std::uint64_t kBytesPerToken = 4;
constexpr std::uint64_t kMostMissing = 100'000;  // Requests that are made up for one number.
constexpr std::string_view kUnpaidProvider = "local";

/// What the lines of an input file say, whoever's they are: each has the hash of its text beside
/// it, which proves which string is the text.
class InputLine {
 public:
  explicit InputLine(const JsonValue& line) { Look(line, 0); }

  std::optional<TextKey> Text() const {
    for (const std::string& text : strings_) {
      const TextKey key = MakeTextKey(text);
      if (std::find(strings_.begin(), strings_.end(), ToHex(key.hash)) != strings_.end()) {
        return key;
      }
    }
    return std::nullopt;
  }

  std::uint32_t dimensions() const { return dimensions_; }
  bool Says(const std::string& word) const {
    return std::find(strings_.begin(), strings_.end(), word) != strings_.end();
  }

 private:
  void Look(const JsonValue& value, int depth) {
    if (depth > 16) return;
    if (const auto text = value.AsString()) strings_.emplace_back(*text);
    value.ForEachElement([&](const JsonValue& element) {
      Look(element, depth + 1);
      return true;
    });
    value.ForEachMember([&](std::string_view name, const JsonValue& member) {
      if (const auto number = member.AsInt(); number && name.find("dimension") != name.npos) {
        dimensions_ = static_cast<std::uint32_t>(*number);
      }
      Look(member, depth + 1);
      return true;
    });
  }

  std::vector<std::string> strings_;
  std::uint32_t dimensions_ = 0;
};

/// The space that a line is for: the only one that fits what it says, or of several that of the
/// last job.
const SpaceRecord* SpaceOf(const InputLine& line, const Salvage& salvage, SpaceId last) {
  std::vector<std::pair<SpaceId, const SpaceRecord*>> fit;
  for (const auto& [id, space] : salvage.spaces) {
    const EmbeddingIdentity& identity = space.identity;
    if (line.dimensions() != 0 && identity.dimensions != line.dimensions()) continue;
    if (!identity.task_type.empty() && !line.Says(identity.task_type)) continue;
    const bool says_more = !fit.empty() && fit.front().second->identity.task_type.empty();
    if (says_more && !identity.task_type.empty()) fit.clear();
    fit.emplace_back(id, &space);
  }
  const auto found =
      fit.size() == 1 ? fit.begin() : std::find_if(fit.begin(), fit.end(), [&](const auto& each) {
        return each.first == last;
      });
  return found == fit.end() ? nullptr : found->second;
}

/// Where nothing else tells: the space of the last request, or one that is paid for.
SpaceId LikelySpace(const Salvage& salvage, SpaceId last) {
  if (salvage.spaces.contains(last)) return last;
  for (const auto& [id, space] : salvage.spaces) {
    if (space.provider != kUnpaidProvider) return id;
  }
  return last;
}

bool HasAll(const Salvage& salvage, SpaceId id, const std::vector<std::string>& texts) {
  return std::all_of(texts.begin(), texts.end(), [&](const std::string& text) {
    return salvage.texts.contains(salvage.KeyFor(id, MakeTextKey(text)));
  });
}

/// The space of an answer: a paid one whose vectors are as long and that does not have all of its
/// texts; of several that of the last request.
SpaceId SpaceOfAnswer(const Salvage& salvage, const QuarantinedAnswer& answer, SpaceId last) {
  std::vector<SpaceId> fit;
  for (const auto& [id, space] : salvage.spaces) {
    const bool is_paid = space.provider != kUnpaidProvider;
    if (is_paid && space.identity.dimensions == answer.dimensions) fit.push_back(id);
  }
  for (const auto& [id, dimensions] : salvage.dimensions) {
    if (dimensions == answer.dimensions) fit.push_back(id);
  }
  const auto full = std::stable_partition(
      fit.begin(), fit.end(), [&](SpaceId id) { return !HasAll(salvage, id, answer.texts); });
  if (full != fit.begin()) fit.erase(full, fit.end());
  if (std::find(fit.begin(), fit.end(), last) != fit.end()) return last;
  if (!fit.empty()) return fit.front();
  // Its record may be what is lost.
  return last == SpaceId() ? LikelySpace(salvage, last) : last;
}

void SetSpace(const Salvage& salvage, SpaceId id, RequestIntent* intent) {
  if (intent->space != id) intent->model = intent->provider = "";
  intent->space = id;
  const auto space = salvage.spaces.find(id);
  if (space == salvage.spaces.end()) return;
  intent->model = space->second.identity.model;
  intent->provider = space->second.provider;
}

/// A file that is damaged keeps a digest that it does not match, so that no result is taken by it.
RequestIntent ReadJob(const fs::path& file, const Salvage& salvage, SpaceId last) {
  RequestIntent intent;
  intent.batch = true;
  SetSpace(salvage, LikelySpace(salvage, last), &intent);
  const auto content = ReadWholeFile(file, kMostInputBytes);
  if (!content.ok()) return intent;
  const SpaceRecord* space = nullptr;
  bool is_whole = true;
  JsonParser parser;
  std::string_view rest = *content;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto json = parser.Parse(line);
    const auto input = json.ok() ? std::optional<InputLine>(*json) : std::nullopt;
    const auto text = input ? input->Text() : std::nullopt;
    is_whole = is_whole && text;
    if (!text) continue;
    if (space == nullptr) space = SpaceOf(*input, salvage, last);
    intent.keys.push_back(LedgerKey(*text));
    intent.tokens += text->length / kBytesPerToken + 1;
  }
  if (space != nullptr) SetSpace(salvage, MakeSpaceId(space->identity), &intent);
  if (!is_whole || space == nullptr) return intent;
  intent.input_bytes = content->size();
  const ContentHash digest = HashBytes(*content);
  intent.input_digest =
      ReadBigEndian({reinterpret_cast<const char*>(digest.bytes.data()), sizeof(std::uint64_t)});
  return intent;
}

struct Known {
  std::set<std::string> tokens;
  std::map<std::uint64_t, const RequestIntent*> requests;
  std::uint64_t last_request = 0;
  RequestIntent last_job;  ///< Split, run and price of jobs.
};

Known KnownJobs(const std::vector<LedgerEntry>& entries) {
  Known known;
  for (const LedgerEntry& entry : entries) {
    const auto* request = std::get_if<RequestEntry>(&entry);
    if (request == nullptr) continue;
    known.last_request = std::max(known.last_request, request->request);
    known.requests[request->request] = &request->intent;
    const std::string& name = request->intent.display_name;
    if (name.size() < kTokenDigits) continue;
    known.tokens.insert(name.substr(name.size() - kTokenDigits));
    known.last_job = request->intent;
  }
  return known;
}

/// How far the open jobs among the requests have come.
std::map<std::uint64_t, JobStep> OpenJobs(const std::vector<LedgerEntry>& entries) {
  std::map<std::uint64_t, JobStep> open;
  for (const auto& [number, intent] : OpenRequests(entries)) {
    if (intent->batch) open[number] = JobStep::kPlanned;
  }
  for (const LedgerEntry& entry : entries) {
    const auto* change = std::get_if<JobChange>(&entry);
    if (change == nullptr) continue;
    const auto job = open.find(change->request);
    if (job != open.end()) job->second = change->step;
  }
  return open;
}

/// Whether the answer has a number that is not its own. A request whose texts are not known, as it
/// is made up for an answer that cannot be read, may be any answer's.
bool HasWrongNumber(const fs::path& file, std::uint64_t number, const Known& known) {
  if (number > known.last_request + kMostMissing) return true;
  const auto request = known.requests.find(number);
  if (request == known.requests.end() || request->second->keys.empty()) return false;
  const auto answer = ReadAnswer(file);
  std::vector<std::uint64_t> expected = request->second->keys;
  std::sort(expected.begin(), expected.end());
  return answer.ok() && LedgerKeysOf(answer->texts) != expected;
}

/// What a job says of calls beside it.
RequestIntent WithoutJob(const RequestIntent& job) {
  RequestIntent call;
  call.run = job.run;
  call.split = job.split;
  call.model = job.model;
  call.provider = job.provider;
  call.space = job.space;
  return call;
}

}  // namespace

QuarantinedRequests FindLostQuarantine(const fs::path& directory,
                                       const std::vector<LedgerEntry>& entries,
                                       const AnswerNumbers& numbers, const Salvage& salvage,
                                       std::int64_t micros) {
  std::set<std::uint64_t> known;
  RequestIntent last;
  for (const LedgerEntry& entry : entries) {
    const auto* request = std::get_if<RequestEntry>(&entry);
    if (request == nullptr) continue;
    known.insert(request->request);
    const bool is_made_up = request->intent.space == SpaceId();
    if (!request->intent.batch && !is_made_up) last = request->intent;
  }
  if (last.space == SpaceId()) last = WithoutJob(KnownJobs(entries).last_job);
  QuarantinedRequests found;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(JobsDirectory(directory), error)) {
    std::uint64_t number = RequestOfQuarantine(file.path()).value_or(0);
    if (const auto own = numbers.find(number); own != numbers.end()) number = own->second;
    if (number == 0 || known.contains(number)) continue;
    RequestIntent intent = last;
    intent.keys.clear();
    intent.tokens = 0;
    intent.micros = micros;
    const auto answer = ReadAnswer(file.path());
    SetSpace(salvage,
             answer.ok() ? SpaceOfAnswer(salvage, *answer, last.space)
                         : LikelySpace(salvage, last.space),
             &intent);
    for (std::size_t i = 0; answer.ok() && i < answer->texts.size(); ++i) {
      const TextKey text = MakeTextKey(answer->texts[i]);
      intent.keys.push_back(LedgerKey(text));
      intent.tokens += text.length / kBytesPerToken + 1;
    }
    found.insert_or_assign(number, std::move(intent));
  }
  return found;
}

std::vector<fs::path> FilesOfUnknownJobs(const fs::path& directory,
                                         const std::vector<LedgerEntry>& entries) {
  const Known known = KnownJobs(entries);
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(JobsDirectory(directory), error)) {
    const fs::path& file = entry.path();
    const std::string stem = file.stem().string();
    const bool is_input = DisplayNameOfFile(file, "") && stem.size() == kTokenDigits;
    const std::uint64_t number = RequestOfQuarantine(file).value_or(0);
    const bool is_unknown = is_input ? !known.tokens.contains(stem)
                                     : number > known.last_request ||
                                           (number > 0 && HasWrongNumber(file, number, known));
    if (is_unknown) files.push_back(file);
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<AnswerNumbers> NumberAnswers(const fs::path& directory,
                                    const std::vector<LedgerEntry>& entries) {
  const Known known = KnownJobs(entries);
  const auto files = ListJobsDirectory(directory);
  if (!files.ok()) return files.status();
  std::set<std::uint64_t> taken;
  std::vector<std::uint64_t> wrong;
  std::uint64_t last = known.last_request;
  for (const fs::path& file : *files) {
    const std::uint64_t number = RequestOfQuarantine(file).value_or(0);
    if (number == 0) continue;
    taken.insert(number);
    const bool is_wrong = HasWrongNumber(file, number, known);
    if (is_wrong) wrong.push_back(number);
    if (!is_wrong) last = std::max(last, number);
  }
  std::sort(wrong.begin(), wrong.end());
  AnswerNumbers numbers;
  for (const std::uint64_t number : wrong) {
    do {
      ++last;
    } while (taken.contains(last));
    numbers[number] = last;
  }
  return numbers;
}

std::vector<LedgerEntry> FindLostJobs(const fs::path& directory,
                                      const std::vector<LedgerEntry>& entries,
                                      const Salvage& salvage, const std::string& store_id,
                                      std::int64_t micros) {
  Known known = KnownJobs(entries);
  std::vector<LedgerEntry> found;
  for (const fs::path& file : FilesOfUnknownJobs(directory, entries)) {
    auto name = DisplayNameOfFile(file, store_id);
    if (!name) continue;  // An answer.
    RequestIntent intent = ReadJob(file, salvage, known.last_job.space);
    intent.display_name = *std::move(name);
    intent.micros = micros;
    intent.run = known.last_job.run;
    intent.split = known.last_job.split;
    intent.price = known.last_job.price;
    if (intent.run == 0 && !salvage.runs.empty()) {
      intent.run = salvage.runs.rbegin()->first;
      intent.split = salvage.runs.rbegin()->second.split;
    }
    const std::uint64_t number = ++known.last_request;
    found.emplace_back(RequestEntry{number, std::move(intent)});
    JobChange change;
    change.request = number;
    change.step = JobStep::kCreating;
    change.note = "its entries in the ledger could not be read";
    change.micros = micros;
    found.emplace_back(std::move(change));
  }
  return found;
}

std::vector<LedgerEntry> DoubtOpenJobs(const std::vector<LedgerEntry>& entries,
                                       std::int64_t micros) {
  std::vector<LedgerEntry> found;
  for (const auto& [number, step] : OpenJobs(entries)) {
    if (step >= JobStep::kCreating) continue;
    JobChange change;
    change.request = number;
    change.step = JobStep::kCreating;
    change.note = "its entries in the ledger could not be read";
    change.micros = micros;
    found.emplace_back(std::move(change));
  }
  return found;
}

}  // namespace embstore
