// SPDX-License-Identifier: Apache-2.0
// embstore get: vectors by document id.
#include <fmt/core.h>

#include <array>
#include <iostream>
#include <span>

#include "app.h"
#include "embstore/vector.h"
#include "engine/base/file.h"
#include "engine/base/text.h"
#include "engine/json/json_writer.h"
#include "engine/npy/npy.h"
#include "flags.h"
#include "rows.h"
#include "settings.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Lookup failed";
constexpr std::size_t kChunkRows = 1024;
constexpr std::size_t kListedMissing = 10;

struct GetFlags {
  std::string split;
  std::vector<std::string> ids;
  std::string npy;
  bool text = false;
  bool from_stdin = false;
  bool raw = false;
  bool no_normalize = false;
  std::optional<std::string> model;
};

/// One id a line; a CR before the LF is not part of it.
std::vector<std::string> ReadIds(std::istream& in) {
  std::vector<std::string> ids;
  std::string line;
  while (std::getline(in, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) ids.push_back(line);
  }
  return ids;
}

/// Looks up all documents before anything is printed, so that output is whole or absent.
Result<std::vector<DocumentInfo>> FindAll(const Store& store, const SplitInfo& split, SpaceId space,
                                          const std::vector<std::string>& ids) {
  std::vector<DocumentInfo> documents;
  std::vector<TextKey> texts;
  std::vector<std::string> absent;
  for (const std::string& id : ids) {
    auto document = store.FindDocument(split, id);
    if (document.ok()) {
      texts.push_back(document->record.text);
      documents.push_back(std::move(*document));
    } else if (document.code() == Code::kNotFound) {
      absent.push_back("no document '" + Printable(id, 80) + "'");
    } else {
      return document.status();
    }
  }
  auto found = store.Contains(space, texts);
  if (!found.ok()) return found.status();
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (!(*found)[i]) absent.push_back("no vector for document '" + documents[i].Id() + "'");
  }
  if (absent.empty()) return documents;
  std::string list;
  for (std::size_t i = 0; i < std::min(absent.size(), kListedMissing); ++i) {
    list += (i == 0 ? "" : "; ") + absent[i];
  }
  if (absent.size() > kListedMissing) list += "; ...";
  return Status(Code::kNotFound, fmt::format("split '{}': {} of {} ids: {}", split.name,
                                             absent.size(), ids.size(), list));
}

/// Where rows go, one format each.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual Status Begin() { return {}; }
  virtual Status Rows(std::span<const DocumentInfo> documents, std::span<const float> rows) = 0;
  virtual Status End() { return {}; }
};

std::string_view AsBytes(std::span<const float> rows) {
  return {reinterpret_cast<const char*>(rows.data()), rows.size_bytes()};
}

class RawSink final : public RowSink {
 public:
  Status Rows(std::span<const DocumentInfo> /*documents*/, std::span<const float> rows) override {
    return Print(AsBytes(rows));
  }
};

class NpySink final : public RowSink {
 public:
  NpySink(std::string path, std::uint64_t rows, std::uint64_t dimensions)
      : path_(std::move(path)), shape_{rows, dimensions} {}

  Status Begin() override {
    auto file = AtomicFile::Create(path_);
    if (!file.ok()) return file.status();
    file_ = std::move(*file);
    return file_->Append(NpyHeader(NpyType::kFloat32, shape_));
  }
  Status Rows(std::span<const DocumentInfo> /*documents*/, std::span<const float> rows) override {
    return file_->Append(AsBytes(rows));
  }
  Status End() override { return file_->Commit(); }

 private:
  const std::string path_;
  const std::array<std::uint64_t, 2> shape_;
  std::unique_ptr<AtomicFile> file_;
};

/// JSON array, or one readable line a document.
class TextSink final : public RowSink {
 public:
  TextSink(const Store& store, bool json, bool with_text, bool normalized)
      : store_(store), json_(json), with_text_(with_text), normalized_(normalized) {}

  Status Rows(std::span<const DocumentInfo> documents, std::span<const float> rows) override {
    const std::size_t dimensions = rows.size() / documents.size();
    std::string out;
    for (std::size_t i = 0; i < documents.size(); ++i) {
      const auto row = rows.subspan(i * dimensions, dimensions);
      if (Status s =
              json_ ? AppendJson(documents[i], row, &out) : AppendLine(documents[i], row, &out);
          !s.ok()) {
        return s;
      }
    }
    return Print(out);
  }

  Status End() override { return json_ ? Print("\n]\n") : Status(); }

 private:
  Status AppendJson(const DocumentInfo& document, std::span<const float> row, std::string* out) {
    *out += first_ ? "[\n" : ",\n";
    first_ = false;
    JsonWriter json(out);
    json.BeginObject();
    json.Key("id").String(document.Id());
    json.Key("position").Uint(document.position);
    json.Key("label");
    WriteLabel(document.record.label, &json);
    json.Key("text");
    if (Status s = WriteText(store_, document.record.text, &json); !s.ok()) return s;
    json.Key("dimensions").Uint(row.size());
    json.Key("normalized").Bool(normalized_);
    json.Key("vector").Floats(row);
    json.EndObject();
    return {};
  }

  Status AppendLine(const DocumentInfo& document, std::span<const float> row, std::string* out) {
    *out += document.Id() + "\t" + document.record.label.value_or("-") + "\t";
    if (with_text_) {
      auto text = store_.GetText(document.record.text);
      if (!text.ok()) return text.status();
      *out += Printable(*text, text->size()) + "\t";
    }
    JsonWriter(out).Floats(row);
    *out += "\n";
    return {};
  }

  const Store& store_;
  const bool json_;
  const bool with_text_;
  const bool normalized_;
  bool first_ = true;
};

Status WriteRows(const Store& store, SpaceId space, std::size_t dimensions, bool normalize,
                 std::span<const DocumentInfo> documents, RowSink* sink) {
  if (Status begun = sink->Begin(); !begun.ok()) return begun;
  std::vector<TextKey> texts;
  std::vector<float> rows;
  while (!documents.empty()) {
    const auto chunk = documents.first(std::min(documents.size(), kChunkRows));
    texts.clear();
    for (const DocumentInfo& document : chunk) texts.push_back(document.record.text);
    rows.resize(chunk.size() * dimensions);
    auto found = store.GetVectors(space, texts, rows);
    if (!found.ok()) return found.status();
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      if (!(*found)[i]) {
        return {Code::kCorruption,
                "the index names a vector for document '" + chunk[i].Id() + "' that is not there"};
      }
      if (normalize) NormalizeL2(std::span(rows).subspan(i * dimensions, dimensions));
    }
    if (Status written = sink->Rows(chunk, rows); !written.ok()) return written;
    documents = documents.subspan(chunk.size());
  }
  return sink->End();
}

int RunGet(App& app, const GetFlags& flags) {
  std::vector<std::string> ids = flags.ids;
  if (flags.from_stdin) {
    for (std::string& id : ReadIds(std::cin)) ids.push_back(std::move(id));
  }
  if (ids.empty()) {
    return app.Fail(kFailed, {Code::kInvalidArgument, "no document id: name some, or use --stdin"});
  }
  auto opened = OpenSplit(app, flags.split, flags.model);
  if (!opened.ok()) return app.Fail(kFailed, opened.status());
  const Store& store = *opened->store;
  const SpaceInfo& space = opened->space;
  auto documents = FindAll(store, opened->split, space.id, ids);
  if (!documents.ok()) return app.Fail(kFailed, documents.status());

  const std::size_t dimensions = space.record.identity.dimensions;
  const bool normalize = opened->config.embedding.normalize && !flags.no_normalize;
  std::unique_ptr<RowSink> sink;
  if (!flags.npy.empty()) {
    sink = std::make_unique<NpySink>(flags.npy, documents->size(), dimensions);
  } else if (flags.raw) {
    sink = std::make_unique<RawSink>();
  } else {
    sink = std::make_unique<TextSink>(store, app.flags().json, flags.text, normalize);
  }
  const Status written = WriteRows(store, space.id, dimensions, normalize, *documents, sink.get());
  return written.ok() ? kExitDone : app.Fail(kFailed, written);
}

}  // namespace

CommandBody AddGet(CLI::App& parser) {
  auto flags = std::make_shared<GetFlags>();
  CLI::App* command = parser.add_subcommand("get", "Print vectors by document id");
  command->add_option("split", flags->split, "Name of the split")->required();
  command->add_option("id", flags->ids, "Document ids");
  command->add_flag("--stdin", flags->from_stdin, "Read ids from standard input, one a line");
  auto* npy = command->add_option("--npy", flags->npy, "Write float32 (ids, D) to this file");
  command->add_flag("--raw", flags->raw, "Print raw little-endian float32")->excludes(npy);
  command->add_flag("--text", flags->text, "Print the text too");
  command->add_flag("--no-normalize", flags->no_normalize, "As the provider returned it");
  AddModelFlag(*command, flags->model);
  return [flags](App& app) { return RunGet(app, *flags); };
}

}  // namespace embstore::tool
