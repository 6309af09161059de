// SPDX-License-Identifier: Apache-2.0
// The library in one screen: open a store, embed with a provider of your own, get a vector.
#include <embstore/ingest.h>

#include <algorithm>
#include <iostream>

class LengthAndSpaces final : public embstore::Provider {
 public:
  std::string_view name() const override { return "example"; }
  const embstore::EmbeddingIdentity& identity() const override { return identity_; }
  embstore::ProviderLimits limits() const override { return {}; }
  embstore::Result<embstore::EmbedReply> Embed(std::span<const std::string_view> texts) override {
    embstore::EmbedReply reply;
    for (const std::string_view text : texts) {
      reply.vectors.push_back(static_cast<float>(text.size()));
      reply.vectors.push_back(static_cast<float>(std::count(text.begin(), text.end(), ' ')));
    }
    return reply;
  }

 private:
  embstore::EmbeddingIdentity identity_{"length-and-spaces", 2, "", 1};
};

int main(int argc, char** argv) {
  auto store = embstore::Store::Open(argc > 1 ? argv[1] : "data/example", {});
  if (!store.ok()) return std::cerr << store.status().message() << "\n", 1;
  auto dataset = embstore::MakeMemoryDataset({{"a", "first text", {}}, {"b", "a second one", {}}});
  LengthAndSpaces provider;
  embstore::IngestOptions options{.split = "demo"};
  auto report = embstore::Ingest(store->get(), **dataset, &provider, options);
  if (!report.ok() || !report->outcome.ok()) return std::cerr << "ingest failed\n", 1;
  auto split = (*store)->FindSplit("demo");
  auto document = (*store)->FindDocument(*split, "b");
  std::vector<float> vector(2);
  auto read = (*store)->GetVector(report->space, document->record.text, vector);
  std::cout << "embedded " << report->embedded << "; b: " << vector[0] << " " << vector[1] << "\n";
  return read.ok() ? 0 : 1;
}
