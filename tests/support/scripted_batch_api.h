// SPDX-License-Identifier: Apache-2.0
// A server of batch jobs in memory: jobs move on when they are asked about, results come in
// another order, any call can fail before or after its effect, and every text that is sent or
// billed is counted. It outlives the store and the runs that use it, as a server does.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "embstore/batch.h"
#include "support/scripted_provider.h"

namespace embstore::testing {

enum class BatchCall { kUpload, kCreate, kGet, kList, kDownload, kCancel, kDelete };

class ScriptedBatchApi final : public BatchApi {
 public:
  struct Job {
    std::string name;
    std::string display_name;
    std::string input_file;
    std::vector<BatchInputRow> rows;
    std::string state = "BATCH_STATE_PENDING";
    int polls = 0;
    std::string result_file;
  };

  explicit ScriptedBatchApi(const ScriptedProvider& provider) : provider_(provider) {}

  /// Answers call number `call` (0-based) before it has had its effect, or after it; kOk means
  /// that it is carried out and its answer arrives. May throw.
  using Script = std::function<Status(std::size_t call, BatchCall kind)>;
  Script before;
  Script after;

  int polls_until_done = 2;      ///< How often a job is asked about before it has ended.
  int polls_without_result = 0;  ///< How often it has then succeeded and names no result yet.
  std::size_t queue = 1000;      ///< Jobs at once; more are refused.
  int lists_without_jobs = 0;    ///< So many lists do not show any job yet.
  std::string running_state = "BATCH_STATE_RUNNING";
  std::string final_state = "BATCH_STATE_SUCCEEDED";
  bool result_of_failed = false;  ///< A job that did not succeed has a result of half its rows.
  /// Not ok: the row of this text is an error, in the round given (1, 2, ...).
  std::function<Status(const std::string& text, int round)> row_error;
  /// Changes the lines of a result.
  std::function<void(std::vector<std::string>* lines)> spoil;
  bool report_tokens = true;

  // What the server saw.
  std::vector<Job> jobs;
  std::map<std::string, int> sent;    ///< Text to how many jobs were created with it.
  std::map<std::string, int> billed;  ///< Text to how often a vector was made.
  std::vector<std::string> cancelled;
  std::size_t calls = 0;
  std::map<BatchCall, int> calls_of;
  std::size_t most_open = 0;  ///< Jobs open at once.

  std::uint64_t billed_tokens() const {
    std::uint64_t tokens = 0;
    for (const auto& [text, times] : billed) {
      tokens += provider_.EstimateTokens(text) * static_cast<std::uint64_t>(times);
    }
    return tokens;
  }
  bool EachSentOnce() const { return AllOnce(sent); }
  bool EachBilledOnce() const { return AllOnce(billed); }
  std::size_t files() const { return files_.size(); }

  void AppendInputRow(std::string_view key, std::string_view text,
                      std::string* out) const override {
    out->append(key).append("\t").append(text).append("\n");
  }
  Result<BatchInputRow> ReadInputRow(std::string_view line) const override {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return Status(Code::kCorruption, "no input row");
    return BatchInputRow{std::string(line.substr(0, tab)), std::string(line.substr(tab + 1))};
  }
  Result<BatchResultRow> ReadResultRow(std::string_view line) const override {
    std::istringstream in{std::string(line)};
    BatchResultRow row;
    std::string kind;
    if (!(in >> row.key >> kind)) return Status(Code::kInvalidReply, "no result row");
    if (kind == "rejected" || kind == "failed") {
      row.error = {kind == "rejected" ? Code::kRejected : Code::kUnavailable, kind};
      return row;
    }
    if (kind != "-") row.tokens = static_cast<std::uint32_t>(std::stoul(kind));
    for (std::string number; in >> number;) row.vector.push_back(std::strtof(number.c_str(), {}));
    if (row.vector.size() != provider_.identity().dimensions) {
      return Status(Code::kInvalidReply, "a vector of another size");
    }
    return row;
  }

  Result<std::string> Upload(const std::filesystem::path& path, std::string_view) override {
    return Call<std::string>(BatchCall::kUpload, Code::kUnavailable, [&]() -> Result<std::string> {
      std::ifstream in(path, std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(in), {}};
      const std::string name = "files/" + std::to_string(next_file_++);
      files_[name] = content;
      return name;
    });
  }

  Result<RemoteJob> Create(std::string_view input_file, std::string_view display_name) override {
    return Call<RemoteJob>(BatchCall::kCreate, Code::kInDoubt, [&]() -> Result<RemoteJob> {
      const auto file = files_.find(std::string(input_file));
      if (file == files_.end()) return Status(Code::kNotFound, "no such file");
      if (OpenJobs() >= queue) return Status(Code::kRateLimited, "the queue is full");
      AddJob(file->first, std::string(display_name));
      most_open = std::max(most_open, OpenJobs());
      return Describe(jobs.back());
    });
  }

  /// Makes a job out of an uploaded file, as a request of Create does.
  void AddJob(const std::string& input_file, const std::string& display_name) {
    Job job;
    job.name = "batches/" + std::to_string(jobs.size());
    job.display_name = display_name;
    job.input_file = input_file;
    std::istringstream in(files_.at(input_file));
    for (std::string line; std::getline(in, line);) job.rows.push_back(*ReadInputRow(line));
    for (const BatchInputRow& row : job.rows) ++sent[row.text];
    jobs.push_back(std::move(job));
  }

  Result<RemoteJob> Get(std::string_view name) override {
    return Call<RemoteJob>(BatchCall::kGet, Code::kUnavailable, [&]() -> Result<RemoteJob> {
      Job* const job = Find(name);
      if (job == nullptr) return Status(Code::kNotFound, "no such job");
      ++job->polls;
      if (IsOpen(*job)) {
        job->state = running_state;
        if (job->polls >= polls_until_done) Finish(job, final_state);
      }
      return Describe(*job);
    });
  }

  Status List(const std::function<bool(const RemoteJob&)>& visit) override {
    return Call<bool>(BatchCall::kList, Code::kUnavailable,
                      [&]() -> Result<bool> {
                        if (lists_without_jobs > 0) {
                          --lists_without_jobs;
                          return true;
                        }
                        for (const Job& job : jobs) {
                          RemoteJob remote = Describe(job);
                          remote.result_file.clear();
                          if (!visit(remote)) break;
                        }
                        return true;
                      })
        .status();
  }

  Result<std::vector<std::string>> FindUploads(std::string_view) override {
    return std::vector<std::string>();
  }

  Status Download(std::string_view result_file,
                  const std::function<Status(std::string_view)>& sink) override {
    return Call<bool>(BatchCall::kDownload, Code::kUnavailable,
                      [&]() -> Result<bool> {
                        const auto file = files_.find(std::string(result_file));
                        if (file == files_.end()) return Status(Code::kNotFound, "no such file");
                        const std::string_view content = file->second;
                        const std::size_t half = content.size() / 2;
                        if (Status taken = sink(content.substr(0, half)); !taken.ok()) return taken;
                        if (Status taken = sink(content.substr(half)); !taken.ok()) return taken;
                        return true;
                      })
        .status();
  }

  Status Cancel(std::string_view name) override {
    return Call<bool>(BatchCall::kCancel, Code::kUnavailable,
                      [&]() -> Result<bool> {
                        cancelled.emplace_back(name);
                        Job* const job = Find(name);
                        if (job == nullptr) return Status(Code::kNotFound, "no such job");
                        if (IsOpen(*job)) Finish(job, "BATCH_STATE_CANCELLED");
                        return true;
                      })
        .status();
  }

  Status DeleteFile(std::string_view file) override {
    return Call<bool>(BatchCall::kDelete, Code::kUnavailable,
                      [&]() -> Result<bool> {
                        files_.erase(std::string(file));
                        return true;
                      })
        .status();
  }

  /// What a server does after two days, or a person.
  void ForgetFiles() { files_.clear(); }

 private:
  template <typename T>
  Result<T> Call(BatchCall kind, Code lost, const std::function<Result<T>()>& effect) {
    const std::size_t call = calls++;
    ++calls_of[kind];
    if (before) {
      if (Status refused = before(call, kind); !refused.ok()) return refused;
    }
    Result<T> answer = effect();
    if (after) {
      if (Status refused = after(call, kind); !refused.ok()) return Status(lost, "answer lost");
    }
    return answer;
  }

  static bool AllOnce(const std::map<std::string, int>& counts) {
    return std::all_of(counts.begin(), counts.end(),
                       [](const auto& entry) { return entry.second == 1; });
  }
  static BatchState StateOf(const std::string& text) {
    if (text == "BATCH_STATE_PENDING") return BatchState::kPending;
    if (text == "BATCH_STATE_RUNNING") return BatchState::kRunning;
    if (text == "BATCH_STATE_SUCCEEDED") return BatchState::kSucceeded;
    if (text == "BATCH_STATE_FAILED") return BatchState::kFailed;
    if (text == "BATCH_STATE_CANCELLED") return BatchState::kCancelled;
    if (text == "BATCH_STATE_EXPIRED") return BatchState::kExpired;
    return BatchState::kUnknown;
  }
  static bool IsOpen(const Job& job) { return !IsTerminal(StateOf(job.state)); }
  std::size_t OpenJobs() const {
    return static_cast<std::size_t>(std::count_if(jobs.begin(), jobs.end(), IsOpen));
  }
  Job* Find(std::string_view name) {
    const auto found =
        std::find_if(jobs.begin(), jobs.end(), [&](const Job& job) { return job.name == name; });
    return found == jobs.end() ? nullptr : &*found;
  }

  RemoteJob Describe(const Job& job) const {
    RemoteJob remote{job.name, job.display_name, StateOf(job.state), job.state, job.input_file, "",
                     ""};
    if (job.polls >= polls_until_done + polls_without_result) remote.result_file = job.result_file;
    return remote;
  }

  std::string ResultLine(const BatchInputRow& row) {
    const Status error = row_error ? row_error(row.text, sent[row.text]) : Status();
    if (!error.ok()) return row.key + (error.code() == Code::kRejected ? " rejected" : " failed");
    ++billed[row.text];
    std::string line = row.key + " ";
    line += report_tokens ? std::to_string(provider_.EstimateTokens(row.text)) : "-";
    for (const float value : provider_.VectorOf(row.text)) {
      char number[32];
      std::snprintf(number, sizeof number, " %.9g", static_cast<double>(value));
      line += number;
    }
    return line;
  }

  void Finish(Job* job, const std::string& state) {
    job->state = state;
    const bool succeeded = state == "BATCH_STATE_SUCCEEDED";
    if (!succeeded && !result_of_failed) return;
    const std::size_t rows = succeeded ? job->rows.size() : job->rows.size() / 2;
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < rows; ++i) lines.push_back(ResultLine(job->rows[i]));
    std::shuffle(lines.begin(), lines.end(), order_);
    if (spoil) spoil(&lines);
    job->result_file = "files/result-" + std::to_string(next_file_++);
    std::string& content = files_[job->result_file];
    for (const std::string& line : lines) content += line + "\n";
  }

  const ScriptedProvider& provider_;
  std::map<std::string, std::string> files_;
  int next_file_ = 1;
  std::mt19937 order_{7};
};

}  // namespace embstore::testing
