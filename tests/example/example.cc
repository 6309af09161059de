// SPDX-License-Identifier: Apache-2.0
// The library in one screen: open a store, embed with a provider of your own, get a vector.
#include <embstore/ingest.h>
#include <embstore/store.h>

#include <iostream>

class LetterCounts final : public embstore::Provider {
 public:
  std::string_view name() const override { return "letters"; }
  const embstore::EmbeddingIdentity& identity() const override { return identity_; }
  embstore::ProviderLimits limits() const override { return {}; }
  embstore::Result<embstore::EmbedReply> Embed(std::span<const std::string_view> texts) override {
    embstore::EmbedReply reply;
    reply.vectors.resize(texts.size() * 26);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      for (char c : texts[i]) if (c >= 'a' && c <= 'z') ++reply.vectors[i * 26 + std::size_t(c - 'a')];
    }
    return reply;
  }
 private:
  embstore::EmbeddingIdentity identity_{"letter-counts", 26, "", 1};
};

int main(int argc, char** argv) {
  auto store = embstore::Store::Open(argc > 1 ? argv[1] : "data/example", {});
  if (!store.ok()) return std::cerr << store.status().message() << "\n", 1;
  auto dataset = embstore::MakeMemoryDataset({{"a", "a first text", {}}, {"b", "a second one", {}}});
  LetterCounts provider;
  embstore::IngestOptions options;
  options.split = "demo";
  auto report = embstore::Ingest(store->get(), **dataset, &provider, options);
  if (!report.ok() || !report->outcome.ok()) return std::cerr << "ingest failed\n", 1;
  auto split = (*store)->FindSplit("demo");
  auto document = (*store)->FindDocument(*split, "b");
  std::vector<float> vector(26);
  auto read = (*store)->GetVector(report->space, document->record.text, vector);
  std::cout << "embedded " << report->embedded << ", e in 'b': " << vector[4] << "\n";
  return read.ok() ? 0 : 1;
}
