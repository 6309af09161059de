// SPDX-License-Identifier: Apache-2.0
// Between C++ and C: errors become objects, nothing is thrown, structs are read by their size.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "embstore/embstore.h"
#include "embstore/status.h"

namespace embstore::c_api {

/// The code of `status`; sets *error, unless `error` is null.
embstore_code Report(const Status& status, embstore_error** error) noexcept;
embstore_code ReportOutOfMemory(embstore_error** error) noexcept;
embstore_code ReportException(const char* what, embstore_error** error) noexcept;

/// Runs `body`, which answers a Status, and lets nothing but its code out.
template <typename Body>
embstore_code Run(embstore_error** error, Body&& body) noexcept {
  try {
    return Report(body(), error);
  } catch (const std::bad_alloc&) {
    return ReportOutOfMemory(error);
  } catch (const std::exception& exception) {
    return ReportException(exception.what(), error);
  } catch (...) {
    return ReportException("unknown exception", error);
  }
}

struct Argument {
  const void* value;
  std::string_view name;
};

/// kInvalidArgument: one of them is null.
Status Require(std::initializer_list<Argument> arguments);

/// kInvalidArgument: not a buffer of `rows` times `dimensions` floats.
Status RequireBuffer(const void* buffer, std::size_t size, std::size_t rows,
                     std::size_t dimensions);

/// As Run, for a call that makes a handle: `body` answers a Result of it.
template <typename Handle, typename Body>
embstore_code Make(Handle** handle, embstore_error** error, Body&& body) noexcept {
  if (handle != nullptr) *handle = nullptr;
  return Run(error, [&]() -> Status {
    if (handle == nullptr) return Require({{handle, "the address of the handle"}});
    Result<Handle> made = body();
    if (!made.ok()) return made.status();
    *handle = new Handle(std::move(*made));
    return {};
  });
}

inline std::string_view View(embstore_string string) {
  return string.data == nullptr ? std::string_view() : std::string_view(string.data, string.size);
}
inline embstore_string CString(std::string_view view) { return {view.data(), view.size()}; }
inline std::string Text(const char* string) { return string == nullptr ? "" : string; }

/// Copies what the caller's struct has. Zero is the default of every field, so what it lacks is
/// zero, and what it has beyond our struct must be.
template <typename Struct>
Status ReadStruct(const Struct* given, Struct* out) {
  *out = Struct{};
  if (given == nullptr) return {};
  if (given->size < sizeof(given->size)) {
    return {Code::kInvalidArgument, "the size of an option struct is not set"};
  }
  const auto* const bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof(Struct); i < given->size; ++i) {
    if (bytes[i] == 0) continue;
    return {Code::kInvalidArgument, "an option is set that this version of embstore lacks"};
  }
  std::memcpy(out, given, std::min(given->size, sizeof(Struct)));
  return {};
}

/// kInvalidArgument: `report`, which may be null, is too small to say its size.
template <typename Struct>
Status RequireReport(const Struct* report) {
  if (report == nullptr || report->size >= sizeof(report->size)) return {};
  return {Code::kInvalidArgument, "the size of a report struct is not set"};
}

/// Copies as much of `filled` as the caller's struct has room for.
template <typename Struct>
void WriteStruct(Struct filled, Struct* report) {
  if (report == nullptr) return;
  filled.size = report->size;
  std::memcpy(static_cast<void*>(report), &filled, std::min(report->size, sizeof(Struct)));
}

}  // namespace embstore::c_api
