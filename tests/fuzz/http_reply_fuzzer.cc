// SPDX-License-Identifier: Apache-2.0
// Headers and body of an answer as they come in. First byte: what is wanted. Lines up to an empty
// one are headers, the rest is the body.
#include "engine/http/reply.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

constexpr std::uint64_t kMaxBody = 2000;

struct Outcome {
  ReplyFault fault = ReplyFault::kNone;
  int status = 0;
  std::string body;
  std::string sunk;
  std::vector<std::pair<std::string, std::string>> headers;
  bool operator==(const Outcome&) const = default;
};

Outcome Collect(Input input, bool with_sink, std::size_t piece) {
  const std::vector<std::string> wanted = {"retry-after-ms", "x-goog-upload-url"};
  Outcome outcome;
  const std::function<Status(std::string_view)> sink = [&](std::string_view bytes) {
    outcome.sunk += bytes;
    return outcome.sunk.size() > 10 * kMaxBody ? Status(Code::kWriteFailed, "full") : Status();
  };
  ReplyCollector collector({kMaxBody, wanted, with_sink ? &sink : nullptr});
  bool good = true;
  for (bool ended = false; good && !ended && !input.empty();) {
    const std::string line = std::string(input.Until('\n')) + "\n";
    good = collector.AddHeaderLine(line);
    ended = line == "\r\n" || line == "\n";
  }
  for (std::string_view body = input.rest(); good && !body.empty();) {
    good = collector.AddBody(body.substr(0, piece));
    body.remove_prefix(std::min(piece, body.size()));
  }
  if (good) good = collector.Finish();
  outcome.fault = collector.fault();
  FUZZ_CHECK(good == (outcome.fault == ReplyFault::kNone));
  FUZZ_CHECK(outcome.fault == ReplyFault::kSink || outcome.sunk.size() <= 10 * kMaxBody);
  if (!good) return outcome;
  HttpResponse response = collector.Take();
  outcome.status = response.status;
  outcome.body = std::move(response.body);
  outcome.headers = std::move(response.headers);
  FUZZ_CHECK(outcome.body.size() <= std::max(kMaxBody, ReplyCollector::kMaxErrorBytes));
  FUZZ_CHECK(!response.retry_after || (response.retry_after->count() >= 0 &&
                                       *response.retry_after <= std::chrono::hours(24)));
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const bool with_sink = input.Take() % 2 == 1;
  const Outcome whole = Collect(input, with_sink, kWhole);
  const Outcome cut = Collect(input, with_sink, 1);
  // Of an answer with two faults the pieces decide which one is seen.
  const bool good = whole.fault == ReplyFault::kNone;
  FUZZ_CHECK(good == (cut.fault == ReplyFault::kNone));
  if (good) FUZZ_CHECK(cut == whole);
  return 0;
}
