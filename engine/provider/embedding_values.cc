// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/embedding_values.h"

#include <array>
#include <bit>
#include <cmath>

#include "engine/base/seeded_bug.h"
#include "engine/provider/server_words.h"

namespace embstore {
namespace {

constexpr std::size_t kExcerptBytes = 200;
constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::array<std::uint8_t, 256> MakeBase64Digits() {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}
constexpr auto kBase64Digits = MakeBase64Digits();

/// Gathers bytes, low ones first, into float32 values.
class FloatAssembler {
 public:
  explicit FloatAssembler(std::vector<float>* out) : out_(out) {}

  void Add(std::uint32_t byte) {
    bits_ |= byte << (8 * bytes_);
    if (++bytes_ < 4) return;
    out_->push_back(std::bit_cast<float>(bits_));
    bits_ = 0;
    bytes_ = 0;
  }
  bool whole() const { return bytes_ == 0; }

 private:
  std::vector<float>* const out_;
  std::uint32_t bits_ = 0;
  unsigned bytes_ = 0;
};

/// One group of four digits, the last `padding` of which are missing. False when it is none.
bool DecodeGroup(std::string_view group, std::size_t padding, FloatAssembler* floats) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const bool missing = i >= 4 - padding;
    const std::uint8_t digit = missing ? 0 : kBase64Digits[static_cast<std::uint8_t>(group[i])];
    if (digit == kNoDigit) return false;
    bits = bits << 6 | digit;
  }
  const std::size_t bytes = 3 - padding;
  for (std::size_t i = 0; i < bytes; ++i) floats->Add(bits >> (16 - 8 * i) & 0xFF);
  const std::uint32_t unused = (std::uint32_t{1} << (8 * padding)) - 1;
  return (bits & unused) == 0;
}

bool DecodeFloats(std::string_view base64, std::vector<float>* out) {
  if (base64.size() % 4 != 0) return false;
  FloatAssembler floats(out);
  for (; !base64.empty(); base64.remove_prefix(4)) {
    const bool last = base64.size() == 4;
    std::size_t padding = 0;
    while (last && padding < 2 && base64[3 - padding] == '=') ++padding;
    if (!DecodeGroup(base64.substr(0, 4), padding, &floats)) return false;
  }
  return floats.whole();
}

}  // namespace

std::uint64_t MaxReplyBytes(const EmbeddingCall& call) {
  constexpr std::uint64_t kBytesPerValue = 32;
  constexpr std::uint64_t kRest = 1 << 20;
  return call.texts * call.dimensions * kBytesPerValue + kRest;
}

std::optional<JsonValue> FindOnly(const JsonValue& object, std::string_view key) {
  std::optional<JsonValue> found;
  int count = 0;
  object.ForEachMember([&](std::string_view name, JsonValue value) {
    if (name != key) return true;
    found = value;
    ++count;
    return true;
  });
  return count == 1 ? found : std::nullopt;
}

std::string VectorFault(std::span<const float> values, std::uint32_t dimensions) {
  if (values.size() != dimensions) {
    return std::to_string(values.size()) + " values instead of " + std::to_string(dimensions);
  }
  bool all_zero = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) && !EMBSTORE_SEEDED_BUG("nan-accepted")) {
      return "value " + std::to_string(i) + " is no finite float32";
    }
    all_zero = all_zero && values[i] == 0.0F;
  }
  return all_zero ? "only zeros" : "";
}

// OpenSSL's decoder skips blanks and does not tell padding from zeros; a reply that has been
// tampered with or cut must not pass for a vector.
bool AppendBase64Floats(std::string_view base64, std::vector<float>* out) {
  const std::size_t before = out->size();
  if (DecodeFloats(base64, out)) return true;
  out->resize(before);
  return false;
}

Status InvalidReply(std::string_view fault, const HttpResponse& response,
                    const EmbeddingCall& call) {
  std::string message(call.host);
  message += ": invalid reply: ";
  message += fault;
  message += "; nothing of it is kept, but it may have been billed; it begins \"" +
             KeylessExcerpt(response.body, call.key, kExcerptBytes) + "\"";
  return Status(Code::kInvalidReply, std::move(message));
}

}  // namespace embstore
