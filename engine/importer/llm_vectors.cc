// SPDX-License-Identifier: Apache-2.0
// The embeddings database of the tool `llm`: tables collections (id, name, model) and embeddings
// (collection_id, id, embedding, content, content_hash, ...). The one place that knows SQLite.
#include <sqlite3.h>

#include <bit>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "embstore/import.h"
#include "engine/base/text.h"
#include "engine/dataset/byte_source.h"
#include "engine/importer/row_source.h"
#include "engine/provider/embedding_values.h"

namespace embstore {
namespace {

constexpr int kMaxValueBytes = 64 << 20;

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

struct EndStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, EndStatement>;

Status SqlStatus(const std::string& file, sqlite3* database) {
  return {Code::kInvalidArgument, file + ": no embeddings database of llm that can be read: " +
                                      Printable(sqlite3_errmsg(database))};
}

/// Read-only, and wary: the file comes from anywhere.
Result<Database> OpenDatabase(const std::string& file) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  Database database(raw);
  if (opened != SQLITE_OK) return SqlStatus(file, raw);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, kMaxValueBytes);
  return database;
}

Result<Statement> Prepare(const std::string& file, sqlite3* database, const std::string& sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(database, sql.c_str(), -1, &raw, nullptr) != SQLITE_OK) {
    return SqlStatus(file, database);
  }
  return Statement(raw);
}

/// True: a row is there. False: the end.
Result<bool> Step(const std::string& file, sqlite3* database, sqlite3_stmt* statement) {
  const int step = sqlite3_step(statement);
  if (step == SQLITE_ROW) return true;
  if (step == SQLITE_DONE) return false;
  return SqlStatus(file, database);
}

/// Of a column of the row that Step found; valid until the next Step.
std::string_view Bytes(sqlite3_stmt* statement, int column) {
  const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
  const int size = sqlite3_column_bytes(statement, column);
  return bytes == nullptr ? std::string_view() : std::string_view(bytes, std::size_t(size));
}

struct Collection {
  std::int64_t id = 0;
  std::string name;
  std::string model;
};

Result<Collection> ChooseCollection(const std::string& file, sqlite3* database,
                                    const std::string& name) {
  auto statement = Prepare(file, database, "SELECT id, name, model FROM collections ORDER BY name");
  if (!statement.ok()) return statement.status();
  std::string known;
  std::size_t count = 0;
  Collection chosen;
  for (;;) {
    const auto more = Step(file, database, statement->get());
    if (!more.ok()) return more.status();
    if (!*more) break;
    Collection next{sqlite3_column_int64(statement->get(), 0),
                    std::string(Bytes(statement->get(), 1)),
                    std::string(Bytes(statement->get(), 2))};
    if (count++ < 20) known += (known.empty() ? "'" : ", '") + Printable(next.name, 80) + "'";
    if (next.name == name) return next;
    chosen = std::move(next);
  }
  if (name.empty() && count == 1) return chosen;
  return Status(Code::kInvalidArgument,
                file + ": " +
                    (name.empty() ? "which collection is meant"
                                  : "there is no collection '" + Printable(name, 80) + "'") +
                    "? There are: " + (known.empty() ? "none" : known));
}

/// Not thread-safe; one thread at a time.
class LlmReader final : public RowReader {
 public:
  LlmReader(std::string file, Database database, Statement statement, std::uint32_t dimensions)
      : file_(std::move(file)),
        database_(std::move(database)),
        statement_(std::move(statement)),
        dimensions_(dimensions) {}

  Result<bool> Next(SourceRow* row) override {
    const auto more = Step(file_, database_.get(), statement_.get());
    if (!more.ok() || !*more) return more;
    const std::string_view id = Bytes(statement_.get(), 0);
    const std::string_view blob = Bytes(statement_.get(), 1);
    row->name = "'" + Printable(id, 80) + "'";
    row->key = RowKey::OfMd5(Bytes(statement_.get(), 3));
    if (sqlite3_column_type(statement_.get(), 2) == SQLITE_TEXT) {
      row->key = RowKey::OfText(Bytes(statement_.get(), 2));
    } else if (row->key.kind == RowKey::Kind::kNone) {
      row->key = RowKey::OfId(id);
    }
    if (blob.empty() || blob.size() % sizeof(float) != 0) {
      return Invalid(*row, "its embedding has " + std::to_string(blob.size()) +
                               " bytes, which is no list of float32");
    }
    // Little-endian, as the store's own vectors; see VectorView::CopyTo for other machines.
    static_assert(std::endian::native == std::endian::little);
    row->vector.resize(blob.size() / sizeof(float));
    std::memcpy(row->vector.data(), blob.data(), blob.size());
    const std::string fault = VectorFault(row->vector, dimensions_);
    if (!fault.empty()) return Invalid(*row, fault);
    return true;
  }

 private:
  Status Invalid(const SourceRow& row, const std::string& what) const {
    return {Code::kInvalidArgument, file_ + ": " + row.name + ": " + what};
  }

  const std::string file_;
  const Database database_;
  const Statement statement_;  // Ends before its database.
  const std::uint32_t dimensions_;
};

class LlmFile final : public RowFile {
 public:
  LlmFile(std::string file, std::string collection)
      : file_(std::move(file)), wanted_(std::move(collection)) {}

  std::string Name() const override { return file_; }

  Result<std::unique_ptr<RowReader>> Open(std::uint32_t dimensions) override {
    auto database = OpenDatabase(file_);
    if (!database.ok()) return database.status();
    auto collection = ChooseCollection(file_, database->get(), wanted_);
    if (!collection.ok()) return collection.status();
    chosen_ = std::move(*collection);
    auto statement = PrepareRows(database->get());
    if (!statement.ok()) return statement.status();
    sqlite3_bind_int64(statement->get(), 1, chosen_.id);
    return std::unique_ptr<RowReader>(std::make_unique<LlmReader>(
        file_, std::move(*database), std::move(*statement), dimensions));
  }

  std::vector<std::string> Remarks() const override {
    return {"collection '" + Printable(chosen_.name, 80) + "' of " + file_ +
            " was made with the model '" + Printable(chosen_.model, 80) + "'"};
  }

 private:
  /// Databases of early versions have no hashes.
  Result<Statement> PrepareRows(sqlite3* database) const {
    const std::string from = " FROM embeddings WHERE collection_id = ?";
    auto statement = Prepare(file_, database, "SELECT id, embedding, content, content_hash" + from);
    if (statement.ok()) return statement;
    return Prepare(file_, database, "SELECT id, embedding, content, NULL" + from);
  }

  const std::string file_;
  const std::string wanted_;
  Collection chosen_;
};

}  // namespace

Result<std::unique_ptr<VectorSource>> OpenLlmVectors(const std::filesystem::path& file,
                                                     const std::string& collection,
                                                     const std::filesystem::path& scratch) {
  // SQLite reads directories and devices with a message of its own; this one names the trouble.
  auto source = OpenByteSource(file);
  if (!source.ok()) return source.status();
  return MakeRowSource(std::make_unique<LlmFile>(file.string(), collection), scratch);
}

}  // namespace embstore
