// SPDX-License-Identifier: Apache-2.0
#include "engine/importer/row_source.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "embstore/identity.h"
#include "engine/hash/foreign_digest.h"
#include "engine/importer/document_matcher.h"
#include "engine/importer/stopping.h"
#include "engine/importer/vector_spool.h"

namespace embstore {
namespace {

constexpr std::size_t kNamedRows = 5;

class RowSource final : public VectorSource {
 public:
  RowSource(std::unique_ptr<RowFile> file, std::filesystem::path scratch)
      : file_(std::move(file)), scratch_(std::move(scratch)) {}

  std::string Name() const override { return file_->Name(); }

  Status Prepare(std::uint32_t dimensions, const StopFlag* stop) override {
    dimensions_ = dimensions;
    stop_ = stop;
    auto spool = VectorSpool::Create(scratch_, dimensions);
    if (!spool.ok()) return spool.status();
    spool_ = std::move(*spool);
    auto reader = file_->Open(dimensions);
    if (!reader.ok()) return reader.status();
    SourceRow row;
    for (;;) {
      if (Status stopped = CheckNotStopped(stop_); !stopped.ok()) return stopped;
      const auto more = (*reader)->Next(&row);
      if (!more.ok()) return more.status();
      if (!*more) break;
      if (Status added = Add(row); !added.ok()) return added;
    }
    if (entries_.empty()) {
      return {Code::kInvalidArgument, Name() + ": there is no vector in it"};
    }
    std::sort(entries_.begin(), entries_.end());
    return {};
  }

  Status BeginPass() override {
    used_.assign(entries_.size(), false);
    return {};
  }

  Result<bool> Find(const Document& document, std::span<float> out) override {
    const auto entry = FindEntry(document);
    if (!entry) return false;
    used_[*entry] = true;
    if (Status read = spool_->Read(entries_[*entry].row, out); !read.ok()) return read;
    return true;
  }

  Result<SourceSummary> Summarize() override {
    SourceSummary summary;
    std::vector<std::uint64_t> unmatched;
    bool conflict = false;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      // Rows with one key follow each other; the first is the one that is used.
      const bool repeated = i > 0 && entries_[i].key == entries_[i - 1].key &&
                            entries_[i].key.kind != RowKey::Kind::kNone;
      if (repeated) used_[i] = used_[i - 1];
      const bool differs = repeated && entries_[i].digest != entries_[i - 1].digest;
      if (differs && !conflict) ++summary.conflicting;
      conflict = repeated && (conflict || differs);
      if (!used_[i]) unmatched.push_back(entries_[i].row);
    }
    summary.unmatched_rows = unmatched.size();
    std::sort(unmatched.begin(), unmatched.end());
    unmatched.resize(std::min(unmatched.size(), kNamedRows));
    summary.remarks = file_->Remarks();
    if (without_vector_ > 0) {
      summary.remarks.push_back(std::to_string(without_vector_) + " rows of " + Name() +
                                " have an error in the place of a vector; the first is " +
                                first_without_vector_);
    }
    Status named = NameRows(unmatched, &summary.unmatched_names);
    if (!named.ok()) return named;
    return summary;
  }

 private:
  struct Entry {
    RowKey key;
    std::uint64_t row = 0;
    std::uint64_t digest = 0;
    auto operator<=>(const Entry&) const = default;
  };

  Status Add(const SourceRow& row) {
    if (row.vector.empty()) {
      if (without_vector_++ == 0) first_without_vector_ = row.name;
      return {};
    }
    has_kind_[static_cast<std::size_t>(row.key.kind)] = true;
    entries_.push_back({row.key, spool_->rows(), DigestOf(row.vector)});
    return spool_->Append(row.vector);
  }

  std::optional<std::size_t> FindEntry(const Document& document) const {
    for (const RowKey::Kind kind : {RowKey::Kind::kText, RowKey::Kind::kMd5, RowKey::Kind::kId}) {
      if (!has_kind_[static_cast<std::size_t>(kind)]) continue;
      const RowKey key = KeyOf(document, kind);
      const auto found = std::lower_bound(entries_.begin(), entries_.end(), Entry{key});
      if (found != entries_.end() && found->key == key) {
        return static_cast<std::size_t>(found - entries_.begin());
      }
    }
    return std::nullopt;
  }

  static RowKey KeyOf(const Document& document, RowKey::Kind kind) {
    if (kind == RowKey::Kind::kText) return RowKey::OfText(document.text);
    if (kind == RowKey::Kind::kId) return RowKey::OfId(document.id);
    return RowKey::OfMd5(DigestBytes(ForeignDigest::kMd5, document.text));
  }

  /// Reads the file again for the names of some rows with vectors, in order.
  Status NameRows(const std::vector<std::uint64_t>& rows, std::vector<std::string>* names) {
    if (rows.empty()) return {};
    auto reader = file_->Open(dimensions_);
    if (!reader.ok()) return reader.status();
    SourceRow row;
    for (std::uint64_t number = 0; names->size() < rows.size();) {
      if (Status stopped = CheckNotStopped(stop_); !stopped.ok()) return stopped;
      const auto more = (*reader)->Next(&row);
      if (!more.ok()) return more.status();
      if (!*more) break;
      if (row.vector.empty()) continue;
      if (number++ == rows[names->size()]) names->push_back(row.name);
    }
    return {};
  }

  const std::unique_ptr<RowFile> file_;
  const std::filesystem::path scratch_;
  std::uint32_t dimensions_ = 0;
  const StopFlag* stop_ = nullptr;
  std::unique_ptr<VectorSpool> spool_;
  std::vector<Entry> entries_;  // By key, then row.
  std::array<bool, 4> has_kind_{};
  std::vector<bool> used_;  // In this pass.
  std::uint64_t without_vector_ = 0;
  std::string first_without_vector_;
};

}  // namespace

RowKey RowKey::OfText(std::string_view text) {
  return {Kind::kText, MakeTextKey(text).fingerprint.bytes};
}

RowKey RowKey::OfId(std::string_view id) { return {Kind::kId, MakeTextKey(id).fingerprint.bytes}; }

RowKey RowKey::OfMd5(std::string_view md5) {
  RowKey key;
  if (md5.size() != key.digest.size()) return key;
  key.kind = Kind::kMd5;
  std::copy(md5.begin(), md5.end(), key.digest.begin());
  return key;
}

std::unique_ptr<VectorSource> MakeRowSource(std::unique_ptr<RowFile> file,
                                            std::filesystem::path scratch) {
  return std::make_unique<RowSource>(std::move(file), std::move(scratch));
}

}  // namespace embstore
