// SPDX-License-Identifier: Apache-2.0
// The calls around a batch job of Gemini: upload, creation, state, lists, files. First byte: the
// call. Then the server's answers, one after the other, each up to a byte 0x1E: a byte for the
// status, a line for the header that the call asks for, the body.
#include "engine/http/url.h"
#include "engine/provider/gemini_batch.h"
#include "tests/fuzz/replies.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

constexpr std::string_view kBase = "https://example.com/api";
constexpr char kEndOfAnswer = '\x1E';

/// Answers from the input; when that has ended, the server is not there any more.
class InputTransport final : public HttpTransport {
 public:
  explicit InputTransport(Input input) : input_(input) {}

  Result<HttpResponse> Send(const HttpRequest& request) override {
    // Whatever the server said before: the key goes to its own place only, on lines without a
    // break, and nothing but a creation is made without leave to repeat it.
    const auto url = CheckRequestUrl(request.url);
    FUZZ_CHECK(url.ok() && url->host == "example.com" && !url->plain_http);
    FUZZ_CHECK(request.secret == &Key());
    for (const auto& [name, value] : request.headers) FUZZ_CHECK(IsShowable(value));
    if (input_.empty() || ++sent_ > 20) return Status(Code::kUnavailable, "no connection");
    Input answer = AnswerOf(input_.Until(kEndOfAnswer));
    HttpResponse response;
    response.status = kStatuses[answer.Take() & 0x0F];
    const std::string header(answer.Until('\n'));
    for (const std::string& name : request.wanted_headers) {
      response.headers.emplace_back(name, header);
    }
    response.body = answer.rest();
    if (response.status < 300 && request.sink) {
      const Status taken = request.sink(response.body);
      if (!taken.ok()) return taken;
      response.body.clear();
    }
    return response;
  }

 private:
  static Input AnswerOf(std::string_view bytes) {
    return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  }

  Input input_;
  int sent_ = 0;
};

bool IsFile(std::string_view name) { return name.starts_with("files/") && IsShowable(name); }

void CheckFreeError(const Status& status) {
  CheckKeyless(status);
  FUZZ_CHECK(status.code() != Code::kInDoubt);
}

void CheckJob(const RemoteJob& job) {
  FUZZ_CHECK(job.name.starts_with("batches/") && IsShowable(job.name));
  FUZZ_CHECK(job.result_file.empty() || IsFile(job.result_file));
  for (const std::string* words : {&job.display_name, &job.state_text, &job.error}) {
    FUZZ_CHECK(IsShowable(*words));
    FUZZ_CHECK(words->find(Key().Reveal()) == std::string::npos);
  }
}

void CheckFoundJob(const Result<RemoteJob>& job) {
  if (!job.ok()) return CheckFreeError(job.status());
  CheckJob(*job);
}

void Call(std::uint8_t which, GeminiBatch* batch) {
  switch (which % 7) {
    case 0: {
      const auto name = batch->Upload(WriteScratch("upload", "a line\n"), "embstore-1");
      if (!name.ok()) return CheckFreeError(name.status());
      FUZZ_CHECK(IsFile(*name));
      return;
    }
    case 1: {
      const auto job = batch->Create("files/abc", "embstore-1");
      if (!job.ok()) return CheckKeyless(job.status());
      return CheckJob(*job);
    }
    case 2:
      return CheckFoundJob(batch->Get("batches/abc"));
    case 3: {
      const Status listed = batch->List([](const RemoteJob& job) {
        CheckJob(job);
        return true;
      });
      if (!listed.ok()) CheckFreeError(listed);
      return;
    }
    case 4: {
      const auto files = batch->FindUploads("embstore-1");
      if (!files.ok()) return CheckFreeError(files.status());
      for (const std::string& file : *files) FUZZ_CHECK(IsFile(file));
      return;
    }
    case 5: {
      const Status got = batch->Download("files/abc", [](std::string_view) { return Status(); });
      if (!got.ok()) CheckFreeError(got);
      return;
    }
    default: {
      const Status cancelled = batch->Cancel("batches/abc");
      if (!cancelled.ok()) CheckFreeError(cancelled);
      const Status deleted = batch->DeleteFile("files/abc");
      if (!deleted.ok()) CheckFreeError(deleted);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const auto which = input.Take();
  InputTransport transport(input);
  GeminiEndpoint endpoint;
  endpoint.base = kBase;
  endpoint.host = "example.com";
  endpoint.key = &Key();
  endpoint.transport = &transport;
  EmbeddingIdentity identity;
  identity.model = "gemini-embedding-001";
  identity.dimensions = kDimensions;
  GeminiBatch batch(endpoint, identity, "application/jsonl");
  Call(which, &batch);
  return 0;
}
