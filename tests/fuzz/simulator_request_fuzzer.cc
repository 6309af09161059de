// SPDX-License-Identifier: Apache-2.0
// Requests to the simulated service: a head, an empty line, a body.
#include <nlohmann/json.hpp>

#include "tests/fuzz/fuzzing.h"
#include "tools/simulator/service.h"

namespace {

using namespace embstore::simulator;
using embstore::fuzz::Break;

TimePoint FixedTime() { return TimePoint{std::chrono::hours(480000)}; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = embstore::fuzz::Input(data, size).rest();
  const std::size_t end = bytes.find("\r\n\r\n");
  auto request = ParseHead(bytes.substr(0, end));
  if (!request) return 0;
  if (end != std::string_view::npos) request->body = bytes.substr(end + 4);
  const std::string path = request->path;
  FUZZ_CHECK(request->Header("x-none").empty());
  request->headers["x-goog-api-key"] = "k";
  Service service({}, FixedTime);
  HttpReply reply = service.Handle(*request);
  FUZZ_CHECK(reply.status >= 200 && reply.status < 600);
  if (reply.source) {
    for (std::string piece; reply.source(&piece);) FUZZ_CHECK(!piece.empty());
  }
  FUZZ_CHECK(FormatHead(reply, false, true).find("\r\n\r\n") != std::string::npos);
  service.Advance();
  return 0;
}
