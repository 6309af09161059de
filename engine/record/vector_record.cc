// SPDX-License-Identifier: Apache-2.0
#include "engine/record/vector_record.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "engine/hash/hash.h"
#include "engine/record/packed_floats.h"

namespace embstore {
namespace {

static_assert(std::endian::native == std::endian::little,
              "vectors are copied as they lie in memory");

constexpr std::uint32_t kRaw = 1;
constexpr std::uint32_t kPacked = 2;
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
  const PackingPlan plan = PlanPacking(vector);
  const bool packed = plan.bytes < vector.size_bytes();
  const std::size_t start = out->size();
  const std::size_t bytes = kVectorHeaderBytes + (packed ? plan.bytes : vector.size_bytes());
  out->resize(start + bytes);
  char* const to = out->data() + start;
  Store(packed ? kPacked : kRaw, to + 8);
  Store(static_cast<std::uint32_t>(vector.size()), to + 12);
  std::memcpy(to + 16, fingerprint.bytes.data(), fingerprint.bytes.size());
  if (packed) {
    Pack(vector, plan, to + kVectorHeaderBytes);
  } else {
    std::memcpy(to + kVectorHeaderBytes, vector.data(), vector.size_bytes());
  }
  const std::string_view covered(to + kChecksumBytes, bytes - kChecksumBytes);
  Store(RecordChecksum(key, covered), to);
}

Result<VectorView> DecodeVector(std::string_view key, std::string_view value) {
  if (value.size() < kVectorHeaderBytes) {
    return Status(Code::kCorruption, "vector record is cut short");
  }
  if (Load<std::uint64_t>(value, 0) != RecordChecksum(key, value.substr(kChecksumBytes))) {
    return Status(Code::kCorruption, "vector record does not match its checksum");
  }
  const auto format = Load<std::uint32_t>(value, 8);
  if (format != kRaw && format != kPacked) {
    return Status(Code::kIncompatible, "vector record has an unknown format");
  }
  if (!HasVectorSize(value)) {
    return Status(Code::kCorruption, "vector record has the wrong size");
  }
  VectorView view;
  view.count = Load<std::uint32_t>(value, 12);
  view.packed = format == kPacked;
  view.numbers = value.substr(kVectorHeaderBytes);
  if (view.packed && !IsPacked(view.numbers, view.count)) {
    return Status(Code::kCorruption, "vector record has more or fewer exponents than it needs");
  }
  std::memcpy(view.fingerprint.bytes.data(), value.data() + 16, view.fingerprint.bytes.size());
  return view;
}

bool HasVectorSize(std::string_view value) {
  if (value.size() < kVectorHeaderBytes) return false;
  const auto format = Load<std::uint32_t>(value, 8);
  const auto dimensions = Load<std::uint32_t>(value, 12);
  const std::string_view numbers = value.substr(kVectorHeaderBytes);
  if (dimensions == 0) return false;
  if (format == kRaw) return numbers.size() == std::uint64_t{dimensions} * sizeof(float);
  return format == kPacked && numbers.size() >= kPackedHeadBytes &&
         numbers.size() == PackedBytes(numbers, dimensions);
}

void VectorView::CopyTo(std::span<float> out) const {
  if (packed) return Unpack(numbers, out);
  std::memcpy(out.data(), numbers.data(), numbers.size());
}

}  // namespace embstore
