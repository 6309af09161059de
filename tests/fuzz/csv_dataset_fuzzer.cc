// SPDX-License-Identifier: Apache-2.0
// Documents from CSV. First byte: AG News, or a header with fields by name.
#include "tests/fuzz/documents.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

void AppendField(std::string_view field, std::string* out) {
  *out += '"';
  for (const char c : field) *out += c == '"' ? std::string("\"\"") : std::string(1, c);
  *out += '"';
}

/// The documents as CSV with a header.
std::string Written(const std::vector<Row>& rows) {
  std::string text = "id,text,label\n";
  for (const Row& row : rows) {
    AppendField(row.id, &text);
    AppendField(row.text, &(text += ','));
    AppendField(row.label.value_or(""), &(text += ','));
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
  const std::uint8_t layout = input.Take() % 4;
  FileDatasetOptions options;
  options.format = layout == 0 ? DatasetFormat::kAgNews : DatasetFormat::kCsv;
  if (layout == 2) options.text_fields = {"title", "text"};
  if (layout != 0 && layout != 3) options.id_field = "id";
  if (layout != 0 && layout != 3) options.label_field = "label";
  const Documents documents = ReadDocuments(input.rest(), options);

  FileDatasetOptions written;
  written.path = "f";
  written.format = DatasetFormat::kCsv;
  written.id_field = "id";
  written.label_field = "label";
  const Documents again = ReadOnce(Written(documents.rows), kWhole, written);
  FUZZ_CHECK(again.error.empty());
  FUZZ_CHECK(std::equal(again.rows.begin(), again.rows.end(), documents.rows.begin(),
                        documents.rows.end(), SameContent));
  return 0;
}
