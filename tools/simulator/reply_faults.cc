// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/reply_faults.h"

#include <algorithm>
#include <limits>
#include <string>

namespace embstore::simulator {
namespace {

constexpr std::string_view kHtmlPage =
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>"
    "<body><h1>Network login required</h1></body></html>\n";

// A gzip header that is followed by no deflate stream.
std::string GzipGarbage() {
  std::string bytes{"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10};
  for (int i = 0; i < 500; ++i) bytes += static_cast<char>(255 - (i * 37) % 256);
  return bytes;
}

}  // namespace

std::string InList(std::string document) {
  document.pop_back();
  return "[" + document + "\n]\n";
}

void RefuseByFault(std::span<const Fault> faults, const ModelInfo& model, Tier tier) {
  for (const Fault& fault : faults) {
    if (fault.kind == FaultKind::kStatus) {
      throw ErrorForStatus(static_cast<int>(fault.number), model, tier);
    }
    if (fault.kind == FaultKind::kRejectText) throw ErrorForStatus(400, model, tier);
  }
}

void SpoilVectors(std::span<const Fault> faults, std::vector<std::vector<float>>* vectors) {
  for (const Fault& fault : faults) {
    if (vectors->empty()) return;
    std::vector<float>& middle = (*vectors)[vectors->size() / 2];
    switch (fault.kind) {
      case FaultKind::kShortReply:
        vectors->pop_back();
        break;
      case FaultKind::kExtraReply:
        vectors->push_back(vectors->back());
        break;
      case FaultKind::kNan:
        if (!middle.empty()) middle[middle.size() / 2] = std::numeric_limits<float>::quiet_NaN();
        break;
      case FaultKind::kWrongDims:
        if (!middle.empty()) middle.pop_back();
        break;
      case FaultKind::kZeroVector:
        std::fill(middle.begin(), middle.end(), 0.0F);
        break;
      case FaultKind::kRotate:
        std::rotate(vectors->begin(), vectors->begin() + 1, vectors->end());
        break;
      default:
        break;
    }
  }
}

void SpoilReply(std::span<const Fault> faults, const ModelInfo& model, Tier tier,
                HttpReply* reply) {
  SpoilReply(faults, ErrorForStatus(500, model, tier), reply);
}

void SpoilReply(std::span<const Fault> faults, const ApiError& error, HttpReply* reply) {
  for (const Fault& fault : faults) {
    switch (fault.kind) {
      case FaultKind::kHtml200:
        reply->headers.emplace_back("Content-Type", "text/html; charset=UTF-8");
        reply->body = kHtmlPage;
        break;
      case FaultKind::kEmpty200:
        reply->body.clear();
        break;
      case FaultKind::kError200:
        reply->body = error.body();
        break;
      case FaultKind::kArrayError:
        reply->status = 500;
        reply->body = InList(error.body());
        break;
      case FaultKind::kRedirect:
        reply->status = 302;
        reply->headers.emplace_back("Location", fault.text);
        reply->body.clear();
        break;
      case FaultKind::kDuplicateJson:
        reply->body += reply->body;
        break;
      case FaultKind::kGzipGarbage:
        reply->headers.emplace_back("Content-Encoding", "gzip");
        reply->body = GzipGarbage();
        break;
      case FaultKind::kSlow:
        reply->delay += std::chrono::milliseconds(fault.number);
        break;
      case FaultKind::kHeld:
        reply->held_by = fault.text;
        break;
      case FaultKind::kDrip:
        reply->byte_interval = std::chrono::milliseconds(fault.number);
        break;
      case FaultKind::kResetBeforeReply:
        reply->delivery = Delivery::kReset;
        break;
      case FaultKind::kCloseBeforeReply:
        reply->delivery = Delivery::kClose;
        break;
      case FaultKind::kCutBody:
        reply->delivery = Delivery::kCutBody;
        break;
      default:
        break;
    }
  }
}

}  // namespace embstore::simulator
