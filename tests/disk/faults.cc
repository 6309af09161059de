// SPDX-License-Identifier: Apache-2.0
#include "faults.h"

#include <array>
#include <cerrno>
#include <utility>

namespace failing_disk {
namespace {

constexpr std::array<std::pair<std::string_view, Kind>, 6> kKinds = {{
    {"eio", Kind::kIoError},
    {"enospc", Kind::kNoSpace},
    {"short", Kind::kShortWrite},
    {"sync", Kind::kSync},
    {"emfile", Kind::kFewFiles},
    {"read", Kind::kRead},
}};

Kind KindOf(std::string_view name) {
  for (const auto& [text, kind] : kKinds) {
    if (text == name) return kind;
  }
  return Kind::kNone;
}

bool TakesSpace(Operation operation) {
  switch (operation) {
    case Operation::kCreate:
    case Operation::kWrite:
    case Operation::kAllocate:
    case Operation::kRename:
    case Operation::kLink:
    case Operation::kMakeDirectory:
    case Operation::kSync:  // Where space is given out late.
      return true;
    default:
      return false;
  }
}

bool Concerns(Kind kind, Operation operation) {
  const bool is_open = operation == Operation::kOpen || operation == Operation::kCreate;
  switch (kind) {
    case Kind::kNone:
      return false;
    case Kind::kIoError:
      return operation != Operation::kOpen && operation != Operation::kRead;
    case Kind::kNoSpace:
      return TakesSpace(operation);
    case Kind::kShortWrite:
      return operation == Operation::kWrite;
    case Kind::kSync:
      return operation == Operation::kSync;
    case Kind::kFewFiles:
      return is_open;
    case Kind::kRead:
      return operation == Operation::kRead;
  }
  return false;
}

int ErrorOf(Kind kind) {
  if (kind == Kind::kNoSpace || kind == Kind::kShortWrite) return ENOSPC;
  return kind == Kind::kFewFiles ? EMFILE : EIO;
}

}  // namespace

std::string_view Name(Operation operation) {
  constexpr std::array<std::string_view, 12> kNames = {
      "create",   "open",   "read", "write",  "sync",           "truncate",
      "allocate", "rename", "link", "unlink", "make-directory", "close"};
  return kNames.at(static_cast<std::size_t>(operation));
}

Faults::Faults(std::string_view kind, std::uint64_t first, bool for_ever)
    : kind_(KindOf(kind)), first_(first), for_ever_(for_ever) {}

std::optional<Fault> Faults::Next(Operation operation) {
  if (!Concerns(kind_, operation)) return std::nullopt;
  ++counted_;
  if (space_is_gone_) {
    space_is_gone_ = for_ever_;
    return Fault{ENOSPC};
  }
  if (first_ == 0 || counted_ < first_ || (counted_ > first_ && !for_ever_)) return std::nullopt;
  if (kind_ != Kind::kShortWrite) return Fault{ErrorOf(kind_)};
  space_is_gone_ = true;
  return Fault{0, true};
}

}  // namespace failing_disk
