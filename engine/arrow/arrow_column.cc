// SPDX-License-Identifier: Apache-2.0
#include "engine/arrow/arrow_column.h"

namespace embstore {

void ArrowStrings::Append(std::optional<std::string_view> value) {
  const std::uint64_t row = size();
  if (row % 8 == 0) validity_ += '\0';
  if (value) {
    validity_.back() = static_cast<char>(validity_.back() | 1 << row % 8);
    data_ += *value;
  } else {
    ++null_count_;
  }
  offsets_.push_back(static_cast<std::int32_t>(data_.size()));
}

void ArrowStrings::Clear() {
  validity_.clear();
  offsets_.resize(1);
  data_.clear();
  null_count_ = 0;
}

std::string_view ArrowStrings::validity() const {
  return null_count_ > 0 ? std::string_view(validity_) : std::string_view();
}

}  // namespace embstore
