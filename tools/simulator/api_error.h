// SPDX-License-Identifier: Apache-2.0
// The error replies of the service.
#pragma once

#include <chrono>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/simulator/models.h"
#include "tools/simulator/quota.h"

namespace embstore::simulator {

/// Selects the names a quota violation is reported under.
enum class Tier { kFree, kPaid };

/// An error reply, complete. Thrown while a request is handled; becomes the reply.
class ApiError : public std::exception {
 public:
  ApiError(int http_status, std::string message, std::string body)
      : http_status_(http_status), message_(std::move(message)), body_(std::move(body)) {}

  int http_status() const { return http_status_; }
  const std::string& message() const { return message_; }
  const std::string& body() const { return body_; }
  const std::vector<std::pair<std::string, std::string>>& headers() const { return headers_; }
  void AddHeader(std::string name, std::string value) {
    headers_.emplace_back(std::move(name), std::move(value));
  }
  const char* what() const noexcept override { return body_.c_str(); }

 private:
  int http_status_;
  std::string message_;
  std::string body_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

/// 400 INVALID_ARGUMENT with `message` alone.
ApiError InvalidArgument(std::string_view message);

/// 400 with `message` both as message and as a violation of `field`.
ApiError InvalidField(std::string_view field, std::string_view message);

ApiError BadKey();
ApiError MissingKey();
ApiError ModelNotFound(std::string_view model, std::string_view method);
ApiError PathNotFound();

/// 429 for a refused call.
ApiError QuotaExceeded(const ModelInfo& model, Tier tier, const QuotaVerdict& verdict);

/// 429 for a job there is no room for. Says neither which quota nor when to try again.
ApiError BatchQueueFull();

/// 400 FAILED_PRECONDITION.
ApiError FailedPrecondition(std::string_view message);

/// 409 ALREADY_EXISTS.
ApiError AlreadyExists(std::string_view message);

/// 403 for a file that is not there, or not any more: the service does not tell which.
ApiError NoSuchFile(std::string_view id);

/// The reply the service would give with `http_status`, for faults.
ApiError ErrorForStatus(int http_status, const ModelInfo& model, Tier tier);

/// "48.2s": seconds with as many decimals as needed.
std::string FormatDuration(std::chrono::microseconds duration);

}  // namespace embstore::simulator
