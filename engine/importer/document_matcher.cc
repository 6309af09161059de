// SPDX-License-Identifier: Apache-2.0
#include "engine/importer/document_matcher.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/text.h"
#include "engine/hash/hash.h"
#include "engine/importer/stopping.h"
#include "engine/provider/embedding_values.h"

namespace embstore {
namespace {

constexpr std::size_t kChunkDocuments = 256;
constexpr std::size_t kNamedDocuments = 5;
// So many are remembered for that: a later document may bring the text's vector.
constexpr std::size_t kCandidates = 1000;

}  // namespace

std::uint64_t DigestOf(std::span<const float> vector) {
  return RecordChecksum(
      "", {reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)});
}

Status CheckVector(const VectorSource& source, const Document& document,
                   std::span<const float> vector) {
  const std::string fault = VectorFault(vector, static_cast<std::uint32_t>(vector.size()));
  if (fault.empty()) return {};
  return {Code::kInvalidArgument, source.Name() + ": the vector of document '" +
                                      Printable(document.id, 80) + "' (position " +
                                      std::to_string(document.position) + "): " + fault};
}

DocumentMatcher::DocumentMatcher(const Store* store, const Dataset& dataset, VectorSource* source,
                                 const ImportOptions& options)
    : store_(store),
      dataset_(dataset),
      source_(*source),
      options_(options),
      space_(MakeSpaceId(options.identity)),
      dimensions_(options.identity.dimensions),
      pairing_(options.identity.dimensions) {}

Status DocumentMatcher::Run() {
  if (Status begun = source_.BeginPass(); !begun.ok()) return begun;
  auto reader = dataset_.Open();
  if (!reader.ok()) return reader.status();
  Document document;
  while (options_.limit == 0 || documents_ < options_.limit) {
    if (Status stopped = CheckNotStopped(options_.stop); !stopped.ok()) return stopped;
    const auto more = (*reader)->Next(&document);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (Status added = AddToChunk(document); !added.ok()) return added;
    if (keys_.size() < kChunkDocuments) continue;
    if (Status flushed = FlushChunk(); !flushed.ok()) return flushed;
  }
  if (Status flushed = FlushChunk(); !flushed.ok()) return flushed;
  return options_.check_pairing ? pairing_.Finish().Prefixed(source_.Name()) : Status();
}

Status DocumentMatcher::AddToChunk(const Document& document) {
  const std::size_t at = keys_.size() * dimensions_;
  vectors_.resize(at + dimensions_);
  const std::span<float> vector = std::span(vectors_).subspan(at);
  const auto found = source_.Find(document, vector);
  if (!found.ok()) return found.status();
  if (*found) {
    Status checked = CheckVector(source_, document, vector);
    if (checked.ok() && options_.check_pairing) {
      checked = pairing_.Add(document.position, document.text, vector).Prefixed(source_.Name());
    }
    if (!checked.ok()) return checked;
  } else if (without_.size() < kCandidates) {
    without_.emplace_back(document.position, document.id);
  }
  keys_.push_back(MakeTextKey(document.text));
  found_.push_back(*found);
  ++documents_;
  return {};
}

Status DocumentMatcher::FlushChunk() {
  stored_vectors_.resize(vectors_.size());
  std::vector<bool> stored(keys_.size());
  if (store_ != nullptr && !keys_.empty()) {
    auto read = store_->GetVectors(space_, keys_, stored_vectors_);
    if (!read.ok()) return read.status();
    stored = std::move(*read);
  }
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const auto vector = std::span(vectors_).subspan(i * dimensions_, dimensions_);
    const auto old = std::span(stored_vectors_).subspan(i * dimensions_, dimensions_);
    MatchedText text{keys_[i].fingerprint, documents_ - keys_.size() + i};
    text.found = found_[i];
    text.stored = stored[i];
    if (text.found) text.digest = DigestOf(vector);
    text.differs = text.found && text.stored && text.digest != DigestOf(old);
    texts_.push_back(text);
  }
  keys_.clear();
  found_.clear();
  vectors_.clear();
  return {};
}

ImportReport DocumentMatcher::Judge() {
  ImportReport report;
  report.documents = documents_;
  std::sort(texts_.begin(), texts_.end(), [](const MatchedText& a, const MatchedText& b) {
    return a.text != b.text ? a.text < b.text : a.position < b.position;
  });
  std::vector<std::uint64_t> missing;
  std::size_t kept = 0;
  for (std::size_t begin = 0, end = 0; begin < texts_.size(); begin = end) {
    while (end < texts_.size() && texts_[end].text == texts_[begin].text) ++end;
    const std::span<const MatchedText> documents(&texts_[begin], end - begin);
    const std::uint64_t leader = JudgeText(documents, &report);
    if (leader < documents.size()) texts_[kept++] = documents[leader];
    if (report.missing == missing.size()) continue;
    for (const MatchedText& document : documents) missing.push_back(document.position);
  }
  texts_.resize(kept);
  std::sort(texts_.begin(), texts_.end(),
            [](const MatchedText& a, const MatchedText& b) { return a.position < b.position; });
  std::sort(missing.begin(), missing.end());
  for (const auto& [position, id] : without_) {
    if (report.missing_ids.size() == kNamedDocuments) break;
    if (std::binary_search(missing.begin(), missing.end(), position)) {
      report.missing_ids.push_back(id);
    }
  }
  report.complete = report.missing == 0;
  return report;
}

/// Answers which of the documents brings the vector to be stored; their number: none does.
std::uint64_t DocumentMatcher::JudgeText(std::span<const MatchedText> documents,
                                         ImportReport* report) {
  ++report->unique_documents;
  const auto leader = std::find_if(documents.begin(), documents.end(),
                                   [](const MatchedText& d) { return d.found; });
  if (leader == documents.end()) {
    if (!documents.front().stored) report->missing += documents.size();
    return documents.size();
  }
  ++report->matched;
  report->conflicting += std::any_of(leader, documents.end(), [&](const MatchedText& d) {
    return d.found && d.digest != leader->digest;
  });
  report->differing += leader->differs;
  if (leader->stored && !(options_.overwrite && leader->differs)) {
    ++report->cached;
    return documents.size();
  }
  ++report->imported;
  return static_cast<std::uint64_t>(leader - documents.begin());
}

}  // namespace embstore
