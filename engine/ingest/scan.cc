// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/scan.h"

#include <algorithm>
#include <future>
#include <limits>
#include <numeric>
#include <utility>

#include "engine/base/text.h"
#include "engine/record/list_digest.h"

namespace embstore {
namespace {

constexpr std::size_t kChunkDocuments = 2048;

enum class TextState : std::uint8_t { kMissing, kCached, kUnsendable };

/// What is kept of each document: enough to count distinct texts.
struct SeenText {
  ContentHash hash;
  std::uint64_t ledger_key;
  auto operator<=>(const SeenText&) const = default;
};

std::uint32_t Clamp32(std::uint64_t value) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

class Scanner {
 public:
  Scanner(const Store* store, const Dataset& dataset, const Provider& provider,
          const ScanOptions& options, const DocumentSink& sink)
      : store_(store),
        dataset_(dataset),
        provider_(provider),
        options_(options),
        sink_(sink),
        max_text_tokens_(provider.limits().max_text_tokens) {}

  Result<ScanResult> Run() {
    auto reader = dataset_.Open();
    if (!reader.ok()) return reader.status();
    Document document;
    while (options_.limit == 0 || result_.documents < options_.limit) {
      Result<bool> more = (*reader)->Next(&document);
      if (!more.ok()) return more.status();
      if (!*more) break;
      Add(document);
      if (chunk_keys_.size() == kChunkDocuments) {
        if (Status flushed = FlushChunk(); !flushed.ok()) return flushed;
      }
    }
    if (Status flushed = FlushChunk(); !flushed.ok()) return flushed;
    if (Status sunk = EndSink(); !sunk.ok()) return sunk;
    if (result_.documents == 0) {
      return Status(Code::kInvalidArgument,
                    dataset_.Name() + ": there is no document in it; nothing was sent");
    }
    if (Status checked = CheckIds(); !checked.ok()) return checked;
    CountDistinct();
    result_.list_sha256 = list_digest_.Finish();
    return std::move(result_);
  }

 private:
  void Add(const Document& document) {
    const TextKey key = MakeTextKey(document.text);
    const std::uint64_t position = result_.documents++;
    chunk_keys_.push_back(key);
    DocumentRecord record;
    record.text = key;
    if (dataset_.HasIds()) {
      record.id = document.id;
      ids_.push_back(HashBytes(document.id));
    }
    if (document.label) record.label = std::string(*document.label);
    list_digest_.Add(record);
    chunk_records_.push_back(std::move(record));

    ChunkText text{position, 0, 0, TextState::kMissing};
    if (document.text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos) {
      text.state = TextState::kUnsendable;
      AddUnsendable(document, position, 0, key);
    } else {
      text.tokens = provider_.EstimateTokens(document.text);
      text.encoded_bytes = provider_.EncodedBytes(document.text);
      if (max_text_tokens_ > 0 && text.tokens > max_text_tokens_) {
        text.state = TextState::kUnsendable;
        AddUnsendable(document, position, text.tokens, key);
      }
    }
    chunk_texts_.push_back(text);
  }

  void AddUnsendable(const Document& document, std::uint64_t position, std::uint64_t tokens,
                     const TextKey& key) {
    result_.unsendable.push_back({position, tokens, std::string(document.id), key});
  }

  Status FlushChunk() {
    if (chunk_keys_.empty()) return {};
    if (Status sunk = EndSink(); !sunk.ok()) return sunk;
    if (sink_) BeginSink();
    std::vector<bool> stored(chunk_keys_.size());
    if (store_ != nullptr) {
      auto found = store_->Contains(options_.space, chunk_keys_);
      if (!found.ok()) return found.status();
      stored = std::move(*found);
    }
    for (std::size_t i = 0; i < chunk_keys_.size(); ++i) {
      const ChunkText& text = chunk_texts_[i];
      const TextState state = stored[i] && !options_.refresh ? TextState::kCached : text.state;
      if (stored[i]) ++result_.stored_documents;
      if (state == TextState::kMissing) {
        result_.missing.push_back({text.position, Clamp32(text.tokens), Clamp32(text.encoded_bytes),
                                   1, LedgerKey(chunk_keys_[i]), stored[i]});
      }
      seen_.push_back(SeenText{chunk_keys_[i].hash, LedgerKey(chunk_keys_[i])});
      states_.push_back(state);
    }
    chunk_keys_.clear();
    chunk_texts_.clear();
    chunk_records_.clear();
    return {};
  }

  /// Hands the chunk's records to the sink, by another thread while this one goes on.
  void BeginSink() {
    const std::uint64_t first = result_.documents - chunk_records_.size();
    sunk_ = std::async(
        [this, first, records = std::move(chunk_records_)] { return sink_(first, records); });
  }

  Status EndSink() { return sunk_.valid() ? sunk_.get() : Status(); }

  /// Documents sorted by text, then position: equal texts are neighbours, the first one leads.
  std::vector<std::uint64_t> OrderByText() const {
    std::vector<std::uint64_t> order(seen_.size());
    std::iota(order.begin(), order.end(), std::uint64_t{0});
    std::sort(order.begin(), order.end(), [this](std::uint64_t a, std::uint64_t b) {
      const auto by_text = seen_[a] <=> seen_[b];
      return by_text != 0 ? by_text < 0 : a < b;
    });
    return order;
  }

  void CountDistinct() {
    const std::vector<std::uint64_t> order = OrderByText();
    // For the leader of each group its size, 0 for the others.
    std::vector<std::uint32_t> group_size(order.size(), 0);
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
      while (end < order.size() && seen_[order[end]] == seen_[order[begin]]) ++end;
      group_size[order[begin]] = Clamp32(end - begin);
      ++result_.unique_documents;
      if (states_[order[begin]] == TextState::kCached) {
        ++result_.cached_texts;
      }
    }
    std::erase_if(result_.missing,
                  [&](const MissingText& text) { return group_size[text.position] == 0; });
    for (MissingText& text : result_.missing) text.documents = group_size[text.position];
    std::erase_if(result_.unsendable, [&](const UnsendableText& text) {
      return group_size[text.position] == 0 || states_[text.position] == TextState::kCached;
    });
  }

  /// An id may come twice only with the same text.
  Status CheckIds() {
    if (ids_.empty()) return {};
    std::vector<std::uint64_t> order(ids_.size());
    std::iota(order.begin(), order.end(), std::uint64_t{0});
    std::sort(order.begin(), order.end(), [this](std::uint64_t a, std::uint64_t b) {
      return ids_[a] != ids_[b] ? ids_[a] < ids_[b] : a < b;
    });
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (ids_[order[i]] != ids_[order[i - 1]]) continue;
      if (seen_[order[i]] != seen_[order[i - 1]]) {
        return DuplicateId(order[i - 1], order[i]);
      }
      ++result_.repeated_ids;
    }
    return {};
  }

  /// Reads up to the second of two documents again, to name both lines.
  Status DuplicateId(std::uint64_t first, std::uint64_t second) const {
    auto reader = dataset_.Open();
    if (!reader.ok()) return reader.status();
    Document document;
    std::uint64_t first_line = 0;
    for (;;) {
      Result<bool> more = (*reader)->Next(&document);
      if (!more.ok()) return more.status();
      if (!*more) return {Code::kInvalidArgument, dataset_.Name() + " changed while it was read"};
      if (document.position == first) first_line = document.line;
      if (document.position == second) break;
    }
    return {Code::kInvalidArgument, dataset_.Name() + ":" + std::to_string(document.line) +
                                        ": document id '" + Printable(document.id, 80) +
                                        "' was used before, on line " + std::to_string(first_line) +
                                        ", for another text; ids must be unique. Nothing was sent"};
  }

  struct ChunkText {
    std::uint64_t position;
    std::uint64_t tokens;
    std::uint64_t encoded_bytes;
    TextState state;
  };

  const Store* const store_;
  const Dataset& dataset_;
  const Provider& provider_;
  const ScanOptions& options_;
  const DocumentSink& sink_;
  const std::uint64_t max_text_tokens_;

  // One chunk.
  std::vector<TextKey> chunk_keys_;
  std::vector<ChunkText> chunk_texts_;
  std::vector<DocumentRecord> chunk_records_;

  // All documents.
  std::vector<SeenText> seen_;
  std::vector<TextState> states_;
  std::vector<ContentHash> ids_;
  ListDigest list_digest_;
  ScanResult result_;

  std::future<Status> sunk_;  // Last: it is waited for before the rest goes.
};

}  // namespace

Result<ScanResult> ScanDataset(const Store* store, const Dataset& dataset, const Provider& provider,
                               const ScanOptions& options, const DocumentSink& sink) {
  return Scanner(store, dataset, provider, options, sink).Run();
}

}  // namespace embstore
