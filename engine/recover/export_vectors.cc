// SPDX-License-Identifier: Apache-2.0
#include "engine/recover/export_vectors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "engine/arrow/arrow_texts.h"
#include "engine/exporter/export_state.h"
#include "engine/exporter/metadata.h"
#include "engine/json/json_reader.h"
#include "engine/npy/npy_reader.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

// Commits that an export may have been made after are tried from the last one down.
constexpr std::uint64_t kMostCommitsTried = 1'000'000;

std::string IdOf(const SalvagedList& list, std::size_t position) {
  const std::string& id = list.documents[position].id;
  return id.empty() ? std::to_string(position) : id;
}

/// Documents without a vector may be rows of NaN.
bool IsVector(std::span<const float> row) {
  return std::all_of(row.begin(), row.end(), [](float value) { return std::isfinite(value); });
}

/// An array with its documents; which text a document had is known from the store's list.
class NpyExport final : public ExportVectors {
 public:
  NpyExport(const ExportPaths& paths, const ExistingExport& existing, const SalvagedList& list)
      : npy_(paths.parts[0].path),
        documents_(paths.parts[1].path),
        rows_(existing.rows),
        dimensions_(existing.dimensions),
        list_(list) {}

  Status ForEach(
      const std::function<void(const TextKey&, std::span<const float>)>& visit) const override {
    std::ifstream npy(npy_, std::ios::binary);
    std::ifstream documents(documents_);
    const auto array = ReadHeader(&npy);
    if (!array.ok()) return array.status();
    std::string bytes(dimensions_ * array->item_bytes(), '\0');
    std::vector<float> row(dimensions_);
    JsonParser parser;
    std::string line;
    std::size_t at = 0;
    for (std::uint64_t i = 0; i < rows_; ++i, ++at) {
      npy.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      if (!npy || !std::getline(documents, line)) return Differs("is too short");
      const auto json = parser.Parse(line);
      const auto id = json.ok() ? json->Find("id") : std::nullopt;
      if (!id || !id->AsString()) return Differs("has a line that cannot be read");
      while (at < list_.documents.size() && IdOf(list_, at) != *id->AsString()) ++at;
      if (at == list_.documents.size()) return Differs("is not of the list in the store");
      ReadNpyFloats(*array, bytes, row);
      if (IsVector(row)) visit(list_.documents[at].text, row);
    }
    return {};
  }

 private:
  Result<NpyArray> ReadHeader(std::ifstream* npy) const {
    std::string header(kNpyPrefixBytes, '\0');
    npy->read(header.data(), kNpyPrefixBytes);
    const auto bytes = NpyHeaderBytes(header);
    if (!bytes.ok()) return bytes.status();
    header.resize(*bytes);
    npy->seekg(0);
    npy->read(header.data(), static_cast<std::streamsize>(*bytes));
    auto array = ReadNpyHeader(header);
    if (!array.ok()) return array;
    const std::vector<std::uint64_t> shape = {rows_, dimensions_};
    if (array->fortran_order || array->shape != shape) return Differs("has another shape");
    return array;
  }

  Status Differs(const char* how) const {
    return {Code::kInvalidArgument, "'" + npy_.string() + "' " + how};
  }

  const fs::path npy_;
  const fs::path documents_;
  const std::uint64_t rows_;
  const std::uint32_t dimensions_;
  const SalvagedList& list_;
};

/// A table has the texts themselves.
class ArrowExport final : public ExportVectors {
 public:
  ArrowExport(std::filesystem::path file, std::uint32_t dimensions)
      : file_(std::move(file)), dimensions_(dimensions) {}

  Status ForEach(
      const std::function<void(const TextKey&, std::span<const float>)>& visit) const override {
    return ForEachArrowText(file_, dimensions_,
                            [&](std::string_view text, std::span<const float> row) {
                              if (IsVector(row)) visit(MakeTextKey(text), row);
                            });
  }

 private:
  const fs::path file_;
  const std::uint32_t dimensions_;
};

/// Whether the export names itself after this very list.
bool IsOfList(const ExistingExport& existing, const Salvage& salvage, const SalvagedList& list,
              SpaceId space, const std::string& store_id) {
  std::set<std::int64_t> times = {0};
  for (const auto& [of, coverage] : salvage.coverages) {
    if (of.second == space) times.insert(coverage.updated_micros);
  }
  for (const auto& [number, run] : salvage.runs) times.insert(run.updated_micros);
  ContentFacts facts{store_id,
                     list.record.list_sha256,
                     space,
                     existing.dimensions,
                     0,
                     0,
                     MissingPolicy::kFail,
                     existing.normalized};
  const std::uint64_t last = salvage.commit ? salvage.commit->number + 1000 : kMostCommitsTried;
  for (std::uint64_t tried = 0; tried <= std::min(last, kMostCommitsTried); ++tried) {
    facts.commit = last - tried;
    for (const std::int64_t time : times) {
      facts.updated_micros = time;
      for (const MissingPolicy policy :
           {MissingPolicy::kFail, MissingPolicy::kSkip, MissingPolicy::kNan}) {
        facts.missing = policy;
        if (ContentId(facts) == existing.content_id) return true;
      }
    }
  }
  return false;
}

/// The list whose rows the export has, and whether that is sure; null: none is known.
std::pair<const SalvagedList*, bool> ListOf(const ExistingExport& existing, const Salvage& salvage,
                                            SpaceId space, const std::string& store_id) {
  const auto own = salvage.lists.find(existing.split);
  const bool has_own = own != salvage.lists.end() && own->second.whole;
  if (has_own && IsOfList(existing, salvage, own->second, space, store_id)) {
    return {&own->second, true};
  }
  for (const SalvagedList& input : salvage.inputs) {
    if (IsOfList(existing, salvage, input, space, store_id)) return {&input, true};
  }
  return {has_own ? &own->second : nullptr, false};
}

/// Why the files of an export are not taken; empty: they are as they were written.
std::string WhyNot(const ExistingExport& existing) {
  for (const auto& [part, digest] : existing.parts) {
    const Status verified = VerifyFile(part.path, digest);
    if (!verified.ok()) return "'" + part.path.string() + "' is damaged itself";
  }
  return "";
}

EmbeddingIdentity IdentityOf(const ExistingExport& existing) {
  return {existing.model, existing.dimensions, existing.task_type, 1};
}

}  // namespace

std::vector<float> StoredVector(const ExportVectors& from, const SalvagedText& text,
                                std::span<const float> row) {
  std::vector<float> vector(row.begin(), row.end());
  if (!from.normalized || text.index_is_new) return vector;
  for (float& value : vector) value *= text.index.raw_norm;
  return vector;
}

namespace {

/// Looks at the exports of directories. Not thread-safe; one thread at a time.
class Finder {
 public:
  Finder(const Salvage& salvage, const std::string& store_id, std::vector<std::string>* remarks)
      : salvage_(salvage), store_id_(store_id), remarks_(*remarks) {}

  void LookInto(const fs::path& directory) {
    for (const ExportFormat format : {ExportFormat::kArrow, ExportFormat::kNpy}) {
      const std::string suffix = ExportPaths(directory, "", format).metadata.filename().string();
      std::set<std::string> splits;
      std::error_code error;
      for (const auto& entry : fs::directory_iterator(directory, error)) {
        const std::string name = entry.path().filename().string();
        if (name.ends_with(suffix)) splits.insert(name.substr(0, name.size() - suffix.size()));
      }
      for (const std::string& split : splits) {
        LookAt(ExportPaths(directory, split, format), split, format);
      }
    }
  }

  std::vector<std::unique_ptr<ExportVectors>> exports;

 private:
  void LookAt(const ExportPaths& paths, const std::string& split, ExportFormat format) {
    const auto existing = ReadMetadata(paths);
    if (!existing || existing->split != split) return;
    const std::string name = paths.parts[0].path.string();
    const SpaceId space = MakeSpaceId(IdentityOf(*existing));
    if (ToHex(space) != existing->space) {
      return LeaveOut(name, "its rows are shorter than the vectors, or of another version");
    }
    const std::string why_not = WhyNot(*existing);
    if (!why_not.empty()) return LeaveOut(name, why_not);
    std::unique_ptr<ExportVectors> found;
    if (format == ExportFormat::kArrow) {
      found = std::make_unique<ArrowExport>(paths.parts[0].path, existing->dimensions);
      found->proved = true;
    } else {
      const auto [list, proved] = ListOf(*existing, salvage_, space, store_id_);
      if (list == nullptr) {
        return LeaveOut(name,
                        "the document list of its split is lost, so that nobody knows which texts "
                        "its rows are of; give the documents with --input");
      }
      found = std::make_unique<NpyExport>(paths, *existing, *list);
      found->proved = proved;
    }
    found->name = name;
    found->split = split;
    found->space = space;
    found->space_record = {IdentityOf(*existing), existing->provider, 0};
    found->normalized = existing->normalized;
    exports.push_back(std::move(found));
  }

  void LeaveOut(const std::string& name, const std::string& why) {
    remarks_.push_back("'" + name + "' is not used: " + why);
  }

  const Salvage& salvage_;
  const std::string& store_id_;
  std::vector<std::string>& remarks_;
};

}  // namespace

std::vector<std::unique_ptr<ExportVectors>> FindExports(const std::vector<fs::path>& directories,
                                                        const Salvage& salvage,
                                                        const std::string& store_id,
                                                        std::vector<std::string>* remarks) {
  Finder finder(salvage, store_id, remarks);
  for (const fs::path& directory : directories) finder.LookInto(directory);
  return std::move(finder.exports);
}

}  // namespace embstore
