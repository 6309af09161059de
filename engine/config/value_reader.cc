// SPDX-License-Identifier: Apache-2.0
#include "engine/config/value_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <type_traits>

#include "embstore/money.h"
#include "engine/base/text.h"

namespace embstore {
namespace {

constexpr std::array<std::string_view, 3> kProviders = {"gemini", "openai", "local"};
constexpr std::array<std::string_view, 2> kResendOrHold = {"resend", "hold"};
constexpr std::array<std::string_view, 3> kFormats = {"ag_news", "csv", "jsonl"};
constexpr std::array<std::string_view, 2> kSplitKeys = {"path", "expected_documents"};
constexpr std::array<std::string_view, 2> kPriceKeys = {"sync", "batch"};
constexpr std::string_view kNameRule =
    "1 to 64 characters of A-Z, a-z, 0-9, '.', '_' and '-', not starting with '.' or '-'";
constexpr std::string_view kAmountRule =
    "an amount in USD with at most nine decimals, such as 1.50";
constexpr std::string_view kPriceRule =
    "a price in USD per million tokens with at most six decimals, such as 0.15";

bool IsPlain(const YamlNode& node) { return node.kind == YamlNode::Kind::kScalar && !node.quoted; }

std::string Between(const Setting& setting, std::string_view what) {
  std::string out(what);
  return out.append(" from ")
      .append(std::to_string(setting.min))
      .append(" to ")
      .append(std::to_string(setting.max));
}

/// The whole of a plain scalar as a T from min to max, or nothing.
template <typename T>
std::optional<T> ReadNumber(const YamlNode& node, T min, T max) {
  if (!IsPlain(node) || node.text.empty() || node.text[0] < '0' || node.text[0] > '9') return {};
  const char* const end = node.text.data() + node.text.size();
  T value{};
  std::from_chars_result result{};
  if constexpr (std::is_floating_point_v<T>) {
    result = std::from_chars(node.text.data(), end, value, std::chars_format::fixed);
  } else {
    result = std::from_chars(node.text.data(), end, value);
  }
  if (result.ec != std::errc() || result.ptr != end || value < min || value > max) return {};
  return value;
}

Status OneOf(const YamlNode& node, const ValuePlace& place,
             std::span<const std::string_view> choices) {
  std::string expected = "one of";
  for (const std::string_view choice : choices) {
    expected.append(choice == choices.front() ? " " : ", ").append(choice);
  }
  const std::string_view near = NearestName(node.text, choices);
  Status status = BadValue(node, place, expected);
  if (node.kind != YamlNode::Kind::kScalar || near.empty()) return status;
  return {status.code(), status.message() + "; did you mean '" + std::string(near) + "'?"};
}

bool IsDate(std::string_view text) {
  if (text.size() != 10) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 4 || i == 7;
    if (dash ? text[i] != '-' : text[i] < '0' || text[i] > '9') return false;
  }
  const std::string_view month = text.substr(5, 2);
  const std::string_view day = text.substr(8, 2);
  return month >= "01" && month <= "12" && day >= "01" && day <= "31";
}

/// Stores one value; the overload is chosen by the target's type. Not thread-safe; one thread
/// at a time.
class Store {
 public:
  Store(const Setting& setting, const YamlNode& node, const std::string& file)
      : setting_(setting), node_(node), place_{file, std::string(setting.path)} {}

  Status operator()(bool* out) const {
    if (!IsPlain(node_) || (node_.text != "true" && node_.text != "false")) {
      return BadValue(node_, place_, "true or false");
    }
    *out = node_.text == "true";
    return Status();
  }

  Status operator()(std::uint64_t* out) const { return Whole(out); }
  Status operator()(std::uint32_t* out) const { return Whole(out); }

  Status operator()(std::optional<std::uint64_t>* out) const {
    if (IsPlain(node_) && node_.text == "auto") {
      out->reset();
      return Status();
    }
    *out = ReadNumber(node_, setting_.min, setting_.max);
    if (out->has_value()) return Status();
    return BadValue(node_, place_, Between(setting_, "auto or a whole number"));
  }

  Status operator()(double* out) const {
    const auto value =
        ReadNumber(node_, static_cast<double>(setting_.min), static_cast<double>(setting_.max));
    if (!value) return BadValue(node_, place_, Between(setting_, "a number"));
    *out = *value;
    return Status();
  }

  Status operator()(Money* out) const {
    const auto amount = node_.kind == YamlNode::Kind::kScalar ? ParseUsd(node_.text) : std::nullopt;
    if (!amount) return BadValue(node_, place_, kAmountRule);
    *out = *amount;
    return Status();
  }

  Status operator()(std::optional<Money>* out) const {
    out->reset();
    if (IsPlain(node_) && node_.text == "none") return Status();
    Money amount;
    if (Status read = (*this)(&amount); !read.ok()) {
      return BadValue(node_, place_, "none or " + std::string(kAmountRule));
    }
    *out = amount;
    return Status();
  }

  Status operator()(ResendOrHold out) const {
    const bool known =
        std::find(kResendOrHold.begin(), kResendOrHold.end(), node_.text) != kResendOrHold.end();
    if (!known) return OneOf(node_, place_, kResendOrHold);
    *out.resend = node_.text == kResendOrHold[0];
    return Status();
  }

  Status operator()(std::string* out) const { return Text(node_, out); }

  Status operator()(std::filesystem::path* out) const {
    std::string text;
    if (Status read = Text(node_, &text); !read.ok()) return read;
    *out = text;
    return Status();
  }

  Status operator()(IsoDate out) const {
    if (node_.kind != YamlNode::Kind::kScalar || !IsDate(node_.text)) {
      return BadValue(node_, place_, "a date such as 2026-11-01");
    }
    *out.text = node_.text;
    return Status();
  }

  Status operator()(FileName out) const {
    if (node_.kind != YamlNode::Kind::kScalar || !IsSafeName(node_.text)) {
      return BadValue(node_, place_, kNameRule);
    }
    *out.text = node_.text;
    return Status();
  }

  Status operator()(ProviderName out) const {
    const bool known =
        std::find(kProviders.begin(), kProviders.end(), node_.text) != kProviders.end();
    if (!known) return OneOf(node_, place_, kProviders);
    *out.text = node_.text;
    return Status();
  }

  Status operator()(DatasetFormat* out) const {
    const std::optional<DatasetFormat> format = ParseDatasetFormat(node_.text);
    if (!format) return OneOf(node_, place_, kFormats);
    *out = *format;
    return Status();
  }

  Status operator()(std::vector<std::string>* out) const {
    out->clear();
    if (node_.kind == YamlNode::Kind::kScalar) return Text(node_, &out->emplace_back());
    if (node_.kind != YamlNode::Kind::kList || node_.items.empty()) {
      return BadValue(node_, place_, "a text or a list of texts");
    }
    for (const YamlNode& item : node_.items) {
      if (Status read = Text(item, &out->emplace_back()); !read.ok()) return read;
    }
    return Status();
  }

  Status operator()(std::map<std::string, SplitConfig>* out) const {
    if (node_.kind != YamlNode::Kind::kMap) {
      return BadValue(node_, place_, "a map of split names");
    }
    out->clear();
    for (const YamlEntry& entry : node_.entries) {
      if (Status read = Split(entry, &(*out)[entry.key]); !read.ok()) return read;
    }
    return Status();
  }

  Status operator()(std::map<std::string, ModelPrice>* out) const {
    if (node_.kind != YamlNode::Kind::kMap) {
      return BadValue(node_, place_, "a map of model names");
    }
    out->clear();
    for (const YamlEntry& entry : node_.entries) {
      if (Status read = Prices(entry, &(*out)[entry.key]); !read.ok()) return read;
    }
    return Status();
  }

 private:
  ValuePlace Below(const YamlEntry& entry) const {
    return {place_.file, place_.path + "." + Printable(entry.key, 64)};
  }

  template <typename T>
  Status Whole(T* out) const {
    const auto max = std::min<std::uint64_t>(setting_.max, std::numeric_limits<T>::max());
    const auto value = ReadNumber(node_, setting_.min, max);
    if (!value) return BadValue(node_, place_, Between(setting_, "a whole number"));
    *out = static_cast<T>(*value);
    return Status();
  }

  Status Text(const YamlNode& node, std::string* out) const {
    const bool printable = std::none_of(node.text.begin(), node.text.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == '\x7F';
    });
    if (node.kind != YamlNode::Kind::kScalar || node.text.size() < setting_.min ||
        node.text.size() > setting_.max || !printable) {
      return BadValue(node, place_, Between(setting_, "a text of one line,") + " bytes");
    }
    *out = node.text;
    return Status();
  }

  Status Split(const YamlEntry& entry, SplitConfig* out) const {
    const ValuePlace place = Below(entry);
    if (!IsSafeName(entry.key)) {
      return YamlError(
          place.file, entry.line,
          "the split name '" + Printable(entry.key, 80) + "' must be " + std::string(kNameRule));
    }
    if (entry.value.kind != YamlNode::Kind::kMap) {
      return BadValue(entry.value, place, "a map with 'path'");
    }
    for (const YamlEntry& field : entry.value.entries) {
      const ValuePlace at{place.file, place.path + "." + field.key};
      if (field.key == "path") {
        const bool scalar = field.value.kind == YamlNode::Kind::kScalar;
        if (!scalar || field.value.text.empty()) return BadValue(field.value, at, "a path");
        out->path = field.value.text;
      } else if (field.key == "expected_documents") {
        const auto count = ReadNumber(field.value, setting_.min, setting_.max);
        if (!count) return BadValue(field.value, at, Between(setting_, "a whole number"));
        out->expected_documents = *count;
      } else {
        return UnknownKey(field, at, kSplitKeys);
      }
    }
    if (out->path.empty()) return BadValue(entry.value, place, "a map with 'path'");
    return Status();
  }

  Status Prices(const YamlEntry& entry, ModelPrice* out) const {
    const ValuePlace place = Below(entry);
    if (entry.key.size() < setting_.min || entry.key.size() > setting_.max) {
      return YamlError(place.file, entry.line,
                       Between(setting_, "a model's name must have") + " bytes");
    }
    if (entry.value.kind != YamlNode::Kind::kMap) {
      return BadValue(entry.value, place, "a map with 'sync' and 'batch'");
    }
    std::optional<Price> sync;
    std::optional<Price> batch;
    for (const YamlEntry& field : entry.value.entries) {
      const ValuePlace at{place.file, place.path + "." + field.key};
      if (field.key != "sync" && field.key != "batch") return UnknownKey(field, at, kPriceKeys);
      std::optional<Price>& price = field.key == "sync" ? sync : batch;
      if (field.value.kind == YamlNode::Kind::kScalar) {
        price = ParsePricePerMillion(field.value.text);
      }
      if (!price) return BadValue(field.value, at, kPriceRule);
    }
    if (!sync || !batch) return BadValue(entry.value, place, "a map with 'sync' and 'batch'");
    *out = {*sync, *batch};
    return Status();
  }

  const Setting& setting_;
  const YamlNode& node_;
  const ValuePlace place_;
};

}  // namespace

Status BadValue(const YamlNode& node, const ValuePlace& place, std::string_view expected) {
  std::string message = "'" + place.path + "' must be ";
  message.append(expected);
  switch (node.kind) {
    case YamlNode::Kind::kNothing:
      message += ", not empty";
      break;
    case YamlNode::Kind::kScalar:
      message += ", not '" + Printable(node.text, 40) + "'";
      break;
    case YamlNode::Kind::kList:
      message += ", not a list";
      break;
    case YamlNode::Kind::kMap:
      break;
  }
  return YamlError(place.file, node.line, message);
}

Status UnknownKey(const YamlEntry& entry, const ValuePlace& place,
                  std::span<const std::string_view> known) {
  std::string message = "unknown key '" + Printable(place.path, 120) + "'";
  if (const std::string_view near = NearestName(entry.key, known); !near.empty()) {
    message.append("; did you mean '").append(near).append("'?");
  }
  return YamlError(place.file, entry.line, message);
}

Status ReadSetting(const Setting& setting, const YamlNode& node, const std::string& file,
                   Config* config) {
  return std::visit(Store(setting, node, file), setting.target(config));
}

}  // namespace embstore
