// SPDX-License-Identifier: Apache-2.0
#include "engine/http/transport.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>

#include "engine/http/curl.h"
#include "engine/http/curl_status.h"
#include "engine/http/transfer.h"
#include "engine/http/url.h"

namespace embstore {
namespace {

class CurlTransport : public HttpTransport {
 public:
  explicit CurlTransport(const CurlOptions& options)
      : options_(options), limit_(std::max<std::uint32_t>(options.max_connections, 1)) {}

  ~CurlTransport() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    if (multi_ != nullptr) Curl().multi_wakeup(multi_);
    if (thread_.joinable()) thread_.join();
    {
      std::unique_lock lock(mutex_);
      no_senders_.wait(lock, [this] { return senders_ == 0; });
    }
    for (CURL* easy : idle_) Curl().easy_cleanup(easy);
    Curl().multi_cleanup(multi_);
  }

  Status Start();
  Result<HttpResponse> Send(const HttpRequest& request) override;

 private:
  void Loop();
  bool StartQueued();
  bool Begin(Transfer* transfer);
  bool CollectEnded();
  void End(CURL* easy, CURLcode code);
  void CancelAll();
  void Complete(Transfer* transfer, Status error);

  const CurlOptions options_;
  const std::size_t limit_;
  CURLM* multi_ = nullptr;

  std::mutex mutex_;
  std::deque<Transfer*> queue_;  // Guarded by mutex_, as are the next three.
  bool stopping_ = false;
  std::size_t senders_ = 0;
  std::condition_variable no_senders_;

  std::unordered_map<CURL*, Transfer*> active_;  // Loop thread only, as is idle_.
  std::vector<CURL*> idle_;
  std::thread thread_;
};

Status CurlTransport::Start() {
  static std::once_flag once;
  static CURLcode global = CURLE_FAILED_INIT;
  std::call_once(once, [] { global = Curl().global_init(CURL_GLOBAL_DEFAULT); });
  if (global != CURLE_OK) return Status(Code::kInternal, "libcurl did not start");
  multi_ = Curl().multi_init();
  if (multi_ == nullptr) return Status(Code::kInternal, "libcurl did not start");
  Curl().multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  Curl().multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(limit_));
  Curl().multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(limit_));

  // The new thread and libcurl's resolver threads inherit this mask: SIGPIPE from a dead
  // connection stays out, and the program's own signals reach the program's own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  for (const int crash : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP})
    sigdelset(&all, crash);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Status status;
  try {
    thread_ = std::thread([this] { Loop(); });
  } catch (const std::system_error&) {
    status = Status(Code::kInternal, "no thread for HTTP");
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return status;
}

Result<HttpResponse> CurlTransport::Send(const HttpRequest& request) {
  Transfer transfer(request);
  if (Status status = PrepareTransfer(options_, &transfer); !status.ok()) return status;
  {
    std::unique_lock lock(mutex_);
    if (stopping_) return Status(Code::kCancelled, "HTTP is shutting down");
    ++senders_;
    queue_.push_back(&transfer);
    Curl().multi_wakeup(multi_);
    transfer.changed.wait(lock, [&] { return transfer.done; });
    if (--senders_ == 0) no_senders_.notify_all();
  }
  if (!transfer.error.ok()) return transfer.error;
  return transfer.reply.Take();
}

void CurlTransport::Loop() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) break;
    }
    const bool started = StartQueued();
    int running = 0;
    Curl().multi_perform(multi_, &running);
    const bool ended = CollectEnded();
    if (started || ended) continue;  // There may be room for the next one.
    Curl().multi_poll(multi_, nullptr, 0, 1000, nullptr);
  }
  CancelAll();
}

/// True when a transfer was begun.
bool CurlTransport::StartQueued() {
  bool started = false;
  while (active_.size() < limit_) {
    Transfer* transfer = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) return started;
      transfer = queue_.front();
      queue_.pop_front();
    }
    started = Begin(transfer) || started;
  }
  return started;
}

bool CurlTransport::Begin(Transfer* transfer) {
  CURL* easy = idle_.empty() ? Curl().easy_init() : idle_.back();
  if (!idle_.empty()) idle_.pop_back();
  if (easy == nullptr) {
    Complete(transfer, Status(Code::kInternal, "no memory for a request"));
    return false;
  }
  Status status = ApplySettings(transfer->settings, HooksOf(transfer), easy);
  if (status.ok() && Curl().multi_add_handle(multi_, easy) != CURLM_OK) {
    status = Status(Code::kInternal, "libcurl refused a request");
  }
  if (!status.ok()) {
    Curl().easy_cleanup(easy);
    Complete(transfer, std::move(status));
    return false;
  }
  active_.emplace(easy, transfer);
  return true;
}

/// True when a transfer has ended.
bool CurlTransport::CollectEnded() {
  int left = 0;
  bool ended = false;
  while (const CURLMsg* message = Curl().multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    End(message->easy_handle, message->data.result);
    ended = true;
  }
  return ended;
}

void CurlTransport::End(CURL* easy, CURLcode code) {
  const auto found = active_.find(easy);
  Transfer* transfer = found->second;
  active_.erase(found);
  Curl().multi_remove_handle(multi_, easy);
  const bool whole = code == CURLE_OK && transfer->reply.Finish();
  if (whole) {
    Curl().easy_reset(easy);
    idle_.push_back(easy);
    Complete(transfer, Status());
    return;
  }
  Curl().easy_cleanup(easy);
  TransferFacts facts;
  facts.curl_code = code;
  facts.detail = transfer->detail.data();
  const std::string host = UrlHost(transfer->request.url);
  facts.host = host;
  facts.request_begun = transfer->request_begun;
  facts.repeatable = transfer->request.repeatable;
  facts.resend_stopped = transfer->resend_stopped;
  facts.reply_fault = transfer->reply.fault();
  facts.sink_error = transfer->reply.sink_error();
  Complete(transfer, TransferError(facts));
}

void CurlTransport::CancelAll() {
  for (const auto& [easy, transfer] : active_) {
    Curl().multi_remove_handle(multi_, easy);
    Curl().easy_cleanup(easy);
    Complete(transfer, Status(Code::kCancelled,
                              transfer->request_begun
                                  ? "stopped while a request was on its way; it may be billed"
                                  : "stopped before the request was sent"));
  }
  active_.clear();
  std::deque<Transfer*> queue;
  {
    const std::lock_guard lock(mutex_);
    queue.swap(queue_);
  }
  for (Transfer* transfer : queue) {
    Complete(transfer, Status(Code::kCancelled, "stopped before the request was sent"));
  }
}

void CurlTransport::Complete(Transfer* transfer, Status error) {
  // Told under the lock: once the sender has it, the transfer is gone.
  const std::lock_guard lock(mutex_);
  transfer->error = std::move(error);
  transfer->done = true;
  transfer->changed.notify_all();
}

}  // namespace

Result<std::unique_ptr<HttpTransport>> MakeCurlTransport(const CurlOptions& options) {
  if (Status status = CheckProxy(options.proxy); !status.ok()) return status;
  auto transport = std::make_unique<CurlTransport>(options);
  if (Status status = transport->Start(); !status.ok()) return status;
  return std::unique_ptr<HttpTransport>(std::move(transport));
}

}  // namespace embstore
