// SPDX-License-Identifier: Apache-2.0
#include "engine/npy/npy.h"

#include <string_view>

namespace embstore {
namespace {

constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);
constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kAlignment = 64;

}  // namespace

std::string NpyHeader(NpyType type, std::span<const std::uint64_t> shape) {
  std::string dictionary = "{'descr': '";
  dictionary += type == NpyType::kFloat32 ? "<f4" : "<i8";
  dictionary += "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) dictionary += ' ';
    dictionary += std::to_string(shape[i]);
    if (i == 0 || i + 1 < shape.size()) dictionary += ',';
  }
  dictionary += "), }";
  const std::size_t unpadded = kMagic.size() + kLengthBytes + dictionary.size() + 1;
  dictionary.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  dictionary += '\n';

  std::string header(kMagic);
  header += static_cast<char>(dictionary.size() & 0xFF);
  header += static_cast<char>(dictionary.size() >> 8);
  return header + dictionary;
}

}  // namespace embstore
