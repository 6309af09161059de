// SPDX-License-Identifier: Apache-2.0
// The folder of a LangChain CacheBackedEmbeddings over a LocalFileStore: one file a text, called
// namespace ‖ key, with a JSON list of numbers in it. The key is one of
//   sha1      uuid5(uuid of the number 1985, hex of SHA-1)     36 characters
//   sha256    hex of SHA-256                                   64
//   sha512    hex of SHA-512                                  128
//   blake2b   hex of BLAKE2b-512                              128
#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "embstore/import.h"
#include "engine/base/file.h"
#include "engine/base/text.h"
#include "engine/hash/foreign_digest.h"
#include "engine/hash/hash.h"
#include "engine/importer/stopping.h"
#include "engine/json/json_reader.h"
#include "engine/provider/embedding_values.h"

namespace embstore {
namespace {

constexpr std::size_t kNamedFiles = 5;
constexpr std::uint64_t kBytesPerNumber = 64;
constexpr std::size_t kUuidLength = 36;

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool IsUuid(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !IsHex(text.substr(i, 1))) return false;
  }
  return text.size() == kUuidLength;
}

/// What stands before the key in a file's name; nothing when it ends in no key.
std::optional<std::string> NamespaceOf(std::string_view name) {
  for (const std::size_t length : {std::size_t{128}, std::size_t{64}, kUuidLength}) {
    if (name.size() < length) continue;
    const std::string_view key = name.substr(name.size() - length);
    if (length == kUuidLength ? IsUuid(key) : IsHex(key)) {
      return std::string(name.substr(0, name.size() - length));
    }
  }
  return std::nullopt;
}

std::string Sha1Key(std::string_view text) {
  std::string name(16, '\0');
  name[14] = '\x07';  // 1985.
  name[15] = '\xC1';
  name += DigestHex(ForeignDigest::kSha1, text);
  std::string uuid = DigestBytes(ForeignDigest::kSha1, name).substr(0, 16);
  if (uuid.size() < 16) return "";
  uuid[6] = static_cast<char>((uuid[6] & 0x0F) | 0x50);  // Version 5.
  uuid[8] = static_cast<char>((uuid[8] & 0x3F) | 0x80);  // The variant of RFC 4122.
  std::string hex = HexString({reinterpret_cast<const std::uint8_t*>(uuid.data()), uuid.size()});
  for (const std::size_t dash : {8, 13, 18, 23}) hex.insert(dash, 1, '-');
  return hex;
}

enum class KeyEncoder : std::uint8_t { kSha1, kSha256, kSha512, kBlake2b };
constexpr std::array kEncoders = {KeyEncoder::kSha1, KeyEncoder::kSha256, KeyEncoder::kSha512,
                                  KeyEncoder::kBlake2b};

std::string KeyOf(std::string_view text, KeyEncoder encoder) {
  switch (encoder) {
    case KeyEncoder::kSha1:
      return Sha1Key(text);
    case KeyEncoder::kSha256:
      return DigestHex(ForeignDigest::kSha256, text);
    case KeyEncoder::kSha512:
      return DigestHex(ForeignDigest::kSha512, text);
    case KeyEncoder::kBlake2b:
      return DigestHex(ForeignDigest::kBlake2b512, text);
  }
  return "";
}

class LangchainVectors final : public VectorSource {
 public:
  LangchainVectors(const std::filesystem::path& folder,
                   const std::optional<std::string>& name_space)
      : folder_(folder), wanted_(name_space) {}

  std::string Name() const override { return folder_.string(); }

  Status Prepare(std::uint32_t dimensions, const StopFlag* stop) override {
    dimensions_ = dimensions;
    stop_ = stop;
    std::set<std::string> found;
    Status walked = ForEachFile([&](const std::string& name) {
      if (auto prefix = NamespaceOf(name); prefix && found.size() < kNamedFiles) {
        found.insert(std::move(*prefix));
      }
    });
    if (!walked.ok()) return walked;
    std::string known;
    for (const std::string& name : found) {
      known += (known.empty() ? "'" : ", '") + Printable(name, 80) + "'";
    }
    if (found.empty()) {
      return Invalid("there is no file of CacheBackedEmbeddings in it");
    }
    if (wanted_ ? found.size() < kNamedFiles && !found.contains(*wanted_) : found.size() > 1) {
      return Invalid("which namespace is meant? There are: " + known);
    }
    namespace_ = wanted_.value_or(*found.begin());
    return {};
  }

  Status BeginPass() override {
    used_.clear();
    return {};
  }

  Result<bool> Find(const Document& document, std::span<float> out) override {
    // The encoder of the last hit first: a folder has one, as a rule.
    for (std::size_t i = 0; i < kEncoders.size(); ++i) {
      const std::size_t encoder = (likely_ + i) % kEncoders.size();
      const std::string key = KeyOf(document.text, kEncoders[encoder]);
      if (key.empty()) continue;
      const std::string name = namespace_ + key;
      const auto content = ReadWholeFile(folder_ / name, MaxFileBytes());
      if (content.code() == Code::kNotFound) continue;
      if (!content.ok()) return content.status();
      likely_ = encoder;
      used_.push_back(HashBytes(name));
      if (Status read = ReadVector(name, *content, out); !read.ok()) return read;
      return true;
    }
    return false;
  }

  Result<SourceSummary> Summarize() override {
    SourceSummary summary;
    std::sort(used_.begin(), used_.end());
    std::set<std::string> first;
    Status walked = ForEachFile([&](const std::string& name) {
      if (NamespaceOf(name) != namespace_) return;
      if (std::binary_search(used_.begin(), used_.end(), HashBytes(name))) return;
      ++summary.unmatched_rows;
      first.insert(name);
      if (first.size() > kNamedFiles) first.erase(std::prev(first.end()));
    });
    if (!walked.ok()) return walked;
    summary.unmatched_names.assign(first.begin(), first.end());
    summary.remarks.push_back("the namespace in " + Name() + " is '" + Printable(namespace_, 80) +
                              "'");
    return summary;
  }

 private:
  Status Invalid(const std::string& what) const {
    return {Code::kInvalidArgument, Name() + ": " + what};
  }

  Status InvalidFile(const std::string& name, const std::string& what) const {
    return {Code::kInvalidArgument, (folder_ / Printable(name, 300)).string() + ": " + what};
  }

  std::uint64_t MaxFileBytes() const { return dimensions_ * kBytesPerNumber + kBytesPerNumber; }

  Status ReadVector(const std::string& name, std::string_view content, std::span<float> out) {
    const auto list = parser_.Parse(content);
    std::vector<float> numbers;
    if (!list.ok() || !list->AppendFloats(&numbers)) {
      return InvalidFile(name, "no JSON list of numbers");
    }
    const std::string fault = VectorFault(numbers, dimensions_);
    if (!fault.empty()) return InvalidFile(name, fault);
    std::copy(numbers.begin(), numbers.end(), out.begin());
    return {};
  }

  /// Calls `visit` with the path of each file relative to the folder.
  template <typename Visit>
  Status ForEachFile(const Visit& visit) const {
    std::error_code error;
    std::filesystem::recursive_directory_iterator files(folder_, error);
    const std::size_t prefix = (folder_ / "").string().size();
    while (!error && files != std::filesystem::recursive_directory_iterator()) {
      if (Status stopped = CheckNotStopped(stop_); !stopped.ok()) return stopped;
      if (files->is_regular_file(error)) visit(files->path().string().substr(prefix));
      if (!error) files.increment(error);
    }
    return error ? Invalid("cannot be read: " + error.message()) : Status();
  }

  const std::filesystem::path folder_;
  const std::optional<std::string> wanted_;
  std::string namespace_;
  std::uint32_t dimensions_ = 0;
  const StopFlag* stop_ = nullptr;
  std::size_t likely_ = 0;
  std::vector<ContentHash> used_;  // Hashes of the names that were found in this pass.
  JsonParser parser_;
};

}  // namespace

Result<std::unique_ptr<VectorSource>> OpenLangchainVectors(
    const std::filesystem::path& folder, const std::optional<std::string>& name_space) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return Status(Code::kNotFound, "'" + folder.string() + "' is no folder");
  }
  return std::unique_ptr<VectorSource>(std::make_unique<LangchainVectors>(folder, name_space));
}

}  // namespace embstore
