// SPDX-License-Identifier: Apache-2.0
#include "engine/npy/npy_reader.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/text.h"

namespace embstore {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kMaxHeaderBytes = 64 << 10;
constexpr std::size_t kMaxAxes = 32;  // As NumPy.

Status Invalid(std::string what) {
  return {Code::kInvalidArgument, "not a .npy file that can be read: " + std::move(what)};
}

/// Reads an unsigned number, least byte first unless `big_endian`.
template <typename Unsigned>
Unsigned Load(const char* bytes, bool big_endian) {
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    const std::size_t at = big_endian ? i : sizeof(Unsigned) - 1 - i;
    value = static_cast<Unsigned>(value << 8 | static_cast<std::uint8_t>(bytes[at]));
  }
  return value;
}

float FromHalf(std::uint16_t half) {
  const int exponent = half >> 10 & 0x1F;
  const int mantissa = half & 0x3FF;
  float value = 0;
  if (exponent == 0x1F) {
    value = mantissa == 0 ? std::numeric_limits<float>::infinity()
                          : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    value = std::ldexp(static_cast<float>(mantissa | 0x400), exponent - 25);
  }
  return (half & 0x8000) != 0 ? -value : value;
}

/// The Python dictionary of a header: three keys in any order, literals only.
class DictionaryReader {
 public:
  explicit DictionaryReader(std::string_view text) : rest_(text) {}

  Result<NpyArray> Read() {
    bool good = Take('{');
    while (good && !Take('}')) {
      good = ReadEntry() && (Take(',') || Peek('}'));
    }
    if (!unreadable_type_.empty()) {
      return Invalid("its numbers are " + Printable(unreadable_type_, 40) +
                     "; float16, float32 and float64 can be read");
    }
    SkipBlanks();
    if (!good || !rest_.empty() || !has_type_ || !has_order_ || !has_shape_) {
      return Invalid("its header is malformed");
    }
    return array_;
  }

 private:
  void SkipBlanks() {
    const std::size_t begin = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(begin == std::string_view::npos ? rest_.size() : begin);
  }

  bool Peek(char c) {
    SkipBlanks();
    return rest_.starts_with(c);
  }

  bool Take(char c) {
    if (!Peek(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool TakeWord(std::string_view word) {
    SkipBlanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::optional<std::string_view> TakeString() {
    const char quote = Peek('\'') ? '\'' : '"';
    if (!Take(quote)) return std::nullopt;
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }

  bool ReadEntry() {
    const auto key = TakeString();
    if (!key || !Take(':')) return false;
    if (*key == "descr") return !std::exchange(has_type_, true) && ReadType();
    if (*key == "fortran_order") return !std::exchange(has_order_, true) && ReadOrder();
    if (*key == "shape") return !std::exchange(has_shape_, true) && ReadShape();
    return false;
  }

  bool ReadType() {
    if (Peek('[')) {
      unreadable_type_ = "records with fields";
      return false;
    }
    const auto type = TakeString();
    if (!type) return false;
    const std::string_view size = type->size() == 3 ? type->substr(1) : "";
    const char order = type->empty() ? ' ' : type->front();
    array_.big_endian = order == '>';
    if (order != '<' && order != '>') {
      unreadable_type_ = "'" + std::string(*type) + "'";
    } else if (size == "f2") {
      array_.type = NpyFloat::kFloat16;
    } else if (size == "f4") {
      array_.type = NpyFloat::kFloat32;
    } else if (size == "f8") {
      array_.type = NpyFloat::kFloat64;
    } else {
      unreadable_type_ = "'" + std::string(*type) + "'";
    }
    return unreadable_type_.empty();
  }

  bool ReadOrder() {
    array_.fortran_order = TakeWord("True");
    return array_.fortran_order || TakeWord("False");
  }

  bool ReadShape() {
    if (!Take('(')) return false;
    while (!Take(')')) {
      if (array_.shape.size() == kMaxAxes) return false;
      SkipBlanks();
      std::uint64_t length = 0;
      const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), length);
      if (parsed.ec != std::errc()) return false;
      rest_.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest_.data()));
      TakeWord("L");  // As Python 2 wrote it.
      array_.shape.push_back(length);
      const bool comma = Take(',');
      if (!comma && (array_.shape.size() == 1 || !Peek(')'))) return false;
    }
    return true;
  }

  std::string_view rest_;
  NpyArray array_;
  std::string unreadable_type_;
  bool has_type_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
};

/// Whether all data have less than 2^63 bytes.
bool HasPossibleSize(const NpyArray& array) {
  std::uint64_t bytes = array.item_bytes();
  for (const std::uint64_t length : array.shape) {
    if (__builtin_mul_overflow(bytes, length, &bytes)) return false;
  }
  return bytes <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
}

}  // namespace

std::size_t NpyArray::item_bytes() const {
  switch (type) {
    case NpyFloat::kFloat16:
      return 2;
    case NpyFloat::kFloat32:
      return 4;
    case NpyFloat::kFloat64:
      return 8;
  }
  return 0;
}

Result<std::size_t> NpyHeaderBytes(std::string_view prefix) {
  if (!prefix.starts_with(kMagic)) return Invalid("it does not begin as one");
  if (prefix.size() < kNpyPrefixBytes) return Invalid("it ends within its header");
  const auto version = static_cast<std::uint8_t>(prefix[6]);
  if (version < 1 || version > 3 || prefix[7] != 0) {
    return Invalid("its format version is " + std::to_string(version) + "." +
                   std::to_string(static_cast<std::uint8_t>(prefix[7])) +
                   "; 1.0, 2.0 and 3.0 are known");
  }
  const std::size_t bytes = version == 1 ? 10 + std::size_t{Load<std::uint16_t>(&prefix[8], false)}
                                         : 12 + std::size_t{Load<std::uint32_t>(&prefix[8], false)};
  if (bytes > kMaxHeaderBytes) return Invalid("its header has more than 64 KiB");
  if (bytes < kNpyPrefixBytes) return Invalid("its header is malformed");
  return bytes;
}

Result<NpyArray> ReadNpyHeader(std::string_view header) {
  header.remove_prefix(header[6] == 1 ? 10 : 12);
  auto array = DictionaryReader(header).Read();
  if (array.ok() && !HasPossibleSize(*array)) return Invalid("its shape is beyond all bounds");
  return array;
}

void ReadNpyFloats(const NpyArray& array, std::string_view bytes, std::span<float> out) {
  if (array.type == NpyFloat::kFloat32 && !array.big_endian &&
      std::endian::native == std::endian::little) {
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return;
  }
  const std::size_t step = array.item_bytes();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const char* const item = bytes.data() + i * step;
    switch (array.type) {
      case NpyFloat::kFloat16:
        out[i] = FromHalf(Load<std::uint16_t>(item, array.big_endian));
        break;
      case NpyFloat::kFloat32:
        out[i] = std::bit_cast<float>(Load<std::uint32_t>(item, array.big_endian));
        break;
      case NpyFloat::kFloat64:
        out[i] =
            static_cast<float>(std::bit_cast<double>(Load<std::uint64_t>(item, array.big_endian)));
        break;
    }
  }
}

}  // namespace embstore
