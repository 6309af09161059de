// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "embstore/version.h"
#include "engine/c_api/boundary.h"

struct embstore_error {
  embstore_code code;
  std::string message;
};

namespace embstore::c_api {
namespace {

/// Answered where there is no memory for an error.
embstore_error& OutOfMemory() {
  static embstore_error error{EMBSTORE_INTERNAL, "out of memory"};
  return error;
}

embstore_error* MakeError(const Status& status) noexcept {
  try {
    return new embstore_error{static_cast<embstore_code>(status.code()), status.message()};
  } catch (...) {
    return &OutOfMemory();
  }
}

static_assert(static_cast<int>(Code::kInternal) == EMBSTORE_INTERNAL);
static_assert(static_cast<int>(Code::kHeld) == EMBSTORE_HELD);
static_assert(static_cast<int>(Code::kQuotaExhausted) == EMBSTORE_QUOTA_EXHAUSTED);
static_assert(static_cast<int>(Code::kWriteFailed) == EMBSTORE_WRITE_FAILED);

}  // namespace

embstore_code Report(const Status& status, embstore_error** error) noexcept {
  if (error != nullptr) *error = status.ok() ? nullptr : MakeError(status);
  return static_cast<embstore_code>(status.code());
}

embstore_code ReportOutOfMemory(embstore_error** error) noexcept {
  if (error != nullptr) *error = &OutOfMemory();
  return EMBSTORE_INTERNAL;
}

embstore_code ReportException(const char* what, embstore_error** error) noexcept {
  try {
    return Report({Code::kInternal, std::string("unexpected exception: ") + what}, error);
  } catch (...) {
    return ReportOutOfMemory(error);
  }
}

Status Require(std::initializer_list<Argument> arguments) {
  for (const Argument& argument : arguments) {
    if (argument.value == nullptr) {
      return {Code::kInvalidArgument, std::string(argument.name) + " is NULL"};
    }
  }
  return {};
}

Status RequireBuffer(const void* buffer, std::size_t size, std::size_t rows,
                     std::size_t dimensions) {
  if (dimensions != 0 && size / dimensions == rows && size % dimensions == 0) {
    return rows == 0 ? Status() : Require({{buffer, "the buffer of vectors"}});
  }
  return {Code::kInvalidArgument, "the buffer of vectors has " + std::to_string(size) +
                                      " floats, not " + std::to_string(rows) + " times " +
                                      std::to_string(dimensions)};
}

}  // namespace embstore::c_api

int embstore_abi_version() { return EMBSTORE_ABI_VERSION; }

const char* embstore_version() { return EMBSTORE_VERSION; }

embstore_code embstore_error_code(const embstore_error* error) {
  return error == nullptr ? EMBSTORE_OK : error->code;
}

const char* embstore_error_message(const embstore_error* error) {
  return error == nullptr ? "" : error->message.c_str();
}

void embstore_error_free(embstore_error* error) {
  if (error != &embstore::c_api::OutOfMemory()) delete error;
}

const char* embstore_code_name(embstore_code code) {
  return embstore::CodeName(static_cast<embstore::Code>(code)).data();
}
