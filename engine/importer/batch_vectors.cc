// SPDX-License-Identifier: Apache-2.0
// Downloaded results of batch jobs, of Gemini and of OpenAI.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "embstore/import.h"
#include "engine/base/text.h"
#include "engine/importer/line_rows.h"
#include "engine/json/json_reader.h"
#include "engine/provider/embedding_values.h"
#include "engine/provider/gemini_batch_rows.h"
#include "engine/provider/openai_reply.h"

namespace embstore {
namespace {

Status Invalid(std::string what) { return {Code::kInvalidArgument, std::move(what)}; }

/// The texts behind the names of requests, in their order. Keeps digests, not texts.
class RequestTexts {
 public:
  bool empty() const { return texts_.empty(); }

  Status Add(std::string_view name, std::vector<RowKey> texts) {
    const auto [place, added] = texts_.try_emplace(RowKey::OfId(name), std::move(texts));
    if (added || place->second == texts) return {};
    return Invalid("'" + Printable(name, 80) + "' was there before, with other texts");
  }

  /// Null: the input file has no such request.
  const std::vector<RowKey>* Find(std::string_view name) const {
    const auto found = texts_.find(RowKey::OfId(name));
    return found == texts_.end() ? nullptr : &found->second;
  }

 private:
  std::map<RowKey, std::vector<RowKey>> texts_;
};

/// What the rows of the result for `name` belong to: texts, or the document that is called so.
Result<std::vector<RowKey>> KeysOf(const RequestTexts* texts, std::string_view name) {
  if (texts == nullptr) return std::vector<RowKey>{RowKey::OfId(name)};
  const std::vector<RowKey>* const found = texts->Find(name);
  if (found != nullptr) return *found;
  return Invalid("'" + Printable(name, 80) +
                 "' is not in the file of requests; give that of this "
                 "very job");
}

class GeminiRows final : public LineRows {
 public:
  explicit GeminiRows(const RequestTexts* texts) : texts_(texts) {}

  Status Read(std::string_view line, std::uint32_t dimensions,
              std::vector<SourceRow>* rows) override {
    EmbeddingIdentity identity;
    identity.dimensions = dimensions;
    auto read = GeminiBatchRows(identity, &no_key_).ReadResult(line);
    if (!read.ok()) return read.status();
    const auto keys = KeysOf(texts_, read->key);
    if (!keys.ok()) return keys.status();
    SourceRow row;
    row.key = keys->front();
    if (read->error.ok()) row.vector = std::move(read->vector);
    rows->push_back(std::move(row));
    return {};
  }

  static Status ReadRequest(std::string_view line, RequestTexts* texts) {
    const Secret no_key;
    auto read = GeminiBatchRows({}, &no_key).ReadInput(line);
    if (!read.ok()) return read.status();
    return texts->Add(read->key, {RowKey::OfText(read->text)});
  }

 private:
  const RequestTexts* const texts_;
  const Secret no_key_;
};

class OpenAiRows final : public LineRows {
 public:
  explicit OpenAiRows(const RequestTexts* texts) : texts_(texts) {}

  Status Read(std::string_view line, std::uint32_t dimensions,
              std::vector<SourceRow>* rows) override {
    const auto root = parser_.Parse(line);
    if (!root.ok()) return root.status();
    const auto id = FindOnly(*root, "custom_id");
    if (!id || !id->AsString()) return Invalid("no \"custom_id\"");
    const auto found = KeysOf(texts_, *id->AsString());
    if (!found.ok()) return found.status();
    const std::vector<RowKey>& keys = *found;
    const auto response = FindOnly(*root, "response");
    const auto status = response ? response->Find("status_code") : std::nullopt;
    const auto body = response ? FindOnly(*response, "body") : std::nullopt;
    if (!body || (status && status->AsInt() != 200)) {
      rows->resize(keys.size());
      return {};
    }
    EmbeddingCall call;
    call.texts = keys.size();
    call.dimensions = dimensions;
    std::vector<float> vectors;
    std::string fault = ReadOpenAiVectors(*body, call, &vectors);
    if (!fault.empty()) {
      if (texts_ == nullptr) fault += " (one is expected unless the job's input file is given)";
      return Invalid("'" + Printable(*id->AsString(), 80) + "': " + fault);
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto begin = vectors.begin() + static_cast<long>(i * dimensions);
      rows->push_back({"", keys[i], {begin, begin + dimensions}});
    }
    return {};
  }

  static Status ReadRequest(std::string_view line, RequestTexts* texts) {
    thread_local JsonParser parser;
    const auto root = parser.Parse(line);
    if (!root.ok()) return root.status();
    const auto id = FindOnly(*root, "custom_id");
    const auto body = FindOnly(*root, "body");
    const auto input = body ? FindOnly(*body, "input") : std::nullopt;
    if (!id || !id->AsString() || !input) return Invalid("no \"custom_id\", or no \"input\"");
    std::vector<RowKey> keys;
    const auto add = [&keys](const JsonValue& value) {
      if (const auto text = value.AsString()) keys.push_back(RowKey::OfText(*text));
      return value.AsString().has_value();
    };
    if (!add(*input) && (!input->ForEachElement(add) || keys.empty())) {
      return Invalid("its \"input\" is neither a text nor a list of texts");
    }
    return texts->Add(*id->AsString(), std::move(keys));
  }

 private:
  const RequestTexts* const texts_;
  JsonParser parser_;
};

/// `Rows` reads results; it gets the texts of the file `requests`, if that is not empty.
template <typename Rows>
Result<std::unique_ptr<VectorSource>> OpenBatch(const std::filesystem::path& file,
                                                const std::filesystem::path& requests,
                                                const std::filesystem::path& scratch) {
  std::shared_ptr<RequestTexts> texts;
  if (!requests.empty()) {
    texts = std::make_shared<RequestTexts>();
    Status read = ForEachSourceLine(
        requests, [&](std::string_view line) { return Rows::ReadRequest(line, texts.get()); });
    if (!read.ok()) return read;
    if (texts->empty()) return Invalid(requests.string() + ": there is no request in it");
  }
  return OpenLineRows(
      file, [texts] { return std::make_unique<Rows>(texts.get()); }, scratch);
}

}  // namespace

Result<std::unique_ptr<VectorSource>> OpenGeminiBatchVectors(const std::filesystem::path& file,
                                                             const std::filesystem::path& requests,
                                                             const std::filesystem::path& scratch) {
  return OpenBatch<GeminiRows>(file, requests, scratch);
}

Result<std::unique_ptr<VectorSource>> OpenOpenAiBatchVectors(const std::filesystem::path& file,
                                                             const std::filesystem::path& requests,
                                                             const std::filesystem::path& scratch) {
  return OpenBatch<OpenAiRows>(file, requests, scratch);
}

}  // namespace embstore
