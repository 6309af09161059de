// SPDX-License-Identifier: Apache-2.0
// Documents from lines of JSON. First byte: which fields are asked for.
#include "engine/json/json_writer.h"
#include "tests/fuzz/documents.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

std::string Written(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) {
    JsonWriter json(&text);
    json.BeginObject().Key("id").String(row.id).Key("text").String(row.text);
    json.Key("label").String(row.label.value_or("")).EndObject();
    text += '\n';
  }
  return text;
}

bool SameContent(const Row& a, const Row& b) {
  return a.id == b.id && a.text == b.text && a.label.value_or("") == b.label.value_or("");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::uint8_t layout = input.Take() % 3;
  FileDatasetOptions options;
  options.format = DatasetFormat::kJsonl;
  if (layout == 1) options.text_fields = {"title", "text"};
  if (layout != 2) options.id_field = "id";
  if (layout != 2) options.label_field = "label";
  const Documents documents = ReadDocuments(input.rest(), options);

  options.text_fields = {"text"};
  options.id_field = "id";
  options.label_field = "label";
  options.path = "f";
  const Documents again = ReadOnce(Written(documents.rows), kWhole, options);
  FUZZ_CHECK(again.error.empty());
  FUZZ_CHECK(std::equal(again.rows.begin(), again.rows.end(), documents.rows.begin(),
                        documents.rows.end(), SameContent));
  return 0;
}
