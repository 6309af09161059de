// SPDX-License-Identifier: Apache-2.0
#include "engine/http/transfer.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "engine/base/seeded_bug.h"
#include "engine/http/curl.h"

namespace embstore {
namespace {

static_assert(std::tuple_size_v<decltype(Transfer::detail)> >= CURL_ERROR_SIZE);

std::size_t OnRead(char* buffer, std::size_t size, std::size_t count, void* context) noexcept {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::string_view rest = transfer.request.body.substr(transfer.body_sent);
  const std::size_t bytes = std::min(size * count, rest.size());
  if (bytes > 0) std::memcpy(buffer, rest.data(), bytes);
  transfer.body_sent += bytes;
  return bytes;
}

std::size_t OnWrite(char* bytes, std::size_t size, std::size_t count, void* context) noexcept {
  auto& transfer = *static_cast<Transfer*>(context);
  return transfer.reply.AddBody({bytes, size * count}) ? size * count : 0;
}

std::size_t OnHeader(char* bytes, std::size_t size, std::size_t count, void* context) noexcept {
  auto& transfer = *static_cast<Transfer*>(context);
  return transfer.reply.AddHeaderLine({bytes, size * count}) ? size * count : 0;
}

int OnPrereq(void* context, char*, char*, int, int) noexcept {
  auto& transfer = *static_cast<Transfer*>(context);
  if (transfer.request_begun && !EMBSTORE_SEEDED_BUG("silent-resend")) {
    transfer.resend_stopped = true;
    return CURL_PREREQFUNC_ABORT;
  }
  transfer.request_begun = true;
  return CURL_PREREQFUNC_OK;
}

}  // namespace

HeaderList::~HeaderList() {
  for (curl_slist* item = list_; item != nullptr; item = item->next) {
    explicit_bzero(item->data, std::strlen(item->data));
  }
  Curl().slist_free_all(list_);
}

bool HeaderList::Add(const std::string& line) {
  curl_slist* longer = Curl().slist_append(list_, line.c_str());
  if (longer != nullptr) list_ = longer;
  return longer != nullptr;
}

Status PrepareTransfer(const CurlOptions& options, Transfer* transfer) {
  const HttpRequest& request = transfer->request;
  Result<std::vector<EasySetting>> settings = BuildSettings(request, options);
  if (!settings.ok()) return settings.status();
  transfer->settings = *std::move(settings);
  bool added = true;
  for (const std::string& line : BuildHeaderLines(request)) {
    added = added && transfer->headers.Add(line);
  }
  if (!request.secret_header.empty()) {
    std::string line;
    line.reserve(request.secret_header.size() + 2 + request.secret->Reveal().size());
    line.append(request.secret_header).append(": ").append(request.secret->Reveal());
    added = added && transfer->headers.Add(line);
    explicit_bzero(line.data(), line.size());
  }
  return added ? Status() : Status(Code::kInternal, "no memory for headers");
}

EasyHooks HooksOf(Transfer* transfer) {
  EasyHooks hooks;
  hooks.read = OnRead;
  hooks.write = OnWrite;
  hooks.header = OnHeader;
  hooks.prereq = OnPrereq;
  hooks.context = transfer;
  hooks.error_buffer = transfer->detail.data();
  hooks.headers = transfer->headers.get();
  return hooks;
}

}  // namespace embstore
