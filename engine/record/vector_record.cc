// SPDX-License-Identifier: Apache-2.0
#include "engine/record/vector_record.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "engine/hash/hash.h"

namespace embstore {
namespace {

static_assert(std::endian::native == std::endian::little,
              "vectors are copied as they lie in memory");

constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kChecksumBytes = 8;

template <typename Number>
Number Load(std::string_view bytes, std::size_t offset) {
  Number value{};
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

template <typename Number>
void Store(Number value, char* to) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace

void EncodeVector(std::string_view key, const Fingerprint& fingerprint,
                  std::span<const float> vector, std::string* out) {
  const std::size_t start = out->size();
  out->resize(start + kVectorHeaderBytes + vector.size_bytes());
  char* const to = out->data() + start;
  Store(kFormat, to + 8);
  Store(static_cast<std::uint32_t>(vector.size()), to + 12);
  std::memcpy(to + 16, fingerprint.bytes.data(), fingerprint.bytes.size());
  std::memcpy(to + kVectorHeaderBytes, vector.data(), vector.size_bytes());
  const std::string_view covered(to + kChecksumBytes,
                                 kVectorHeaderBytes - kChecksumBytes + vector.size_bytes());
  Store(RecordChecksum(key, covered), to);
}

Result<VectorView> DecodeVector(std::string_view key, std::string_view value) {
  if (value.size() < kVectorHeaderBytes) {
    return Status(Code::kCorruption, "vector record is cut short");
  }
  if (Load<std::uint64_t>(value, 0) != RecordChecksum(key, value.substr(kChecksumBytes))) {
    return Status(Code::kCorruption, "vector record does not match its checksum");
  }
  if (Load<std::uint32_t>(value, 8) != kFormat) {
    return Status(Code::kIncompatible, "vector record has an unknown format");
  }
  VectorView view;
  view.little_endian = value.substr(kVectorHeaderBytes);
  const auto dimensions = Load<std::uint32_t>(value, 12);
  if (dimensions == 0 || dimensions * sizeof(float) != view.little_endian.size()) {
    return Status(Code::kCorruption, "vector record has the wrong size");
  }
  std::memcpy(view.fingerprint.bytes.data(), value.data() + 16, view.fingerprint.bytes.size());
  return view;
}

void VectorView::CopyTo(std::span<float> out) const {
  std::memcpy(out.data(), little_endian.data(), little_endian.size());
}

}  // namespace embstore
