// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_batch_rows.h"

#include <doctest/doctest.h>

#include <cmath>
#include <thread>

namespace embstore {
namespace {

const Secret& Key() {
  static const Secret key("canary-key-0123456789");
  return key;
}

GeminiBatchRows Rows(const std::string& task_type = "CLUSTERING") {
  EmbeddingIdentity identity;
  identity.model = "gemini-embedding-001";
  identity.dimensions = 4;
  identity.task_type = task_type;
  return GeminiBatchRows(identity, &Key());
}

std::string Input(std::string_view key, std::string_view text) {
  std::string line;
  Rows().AppendInput(key, text, &line);
  return line;
}

Code CodeOf(const std::string& line) { return Rows().ReadResult(line).code(); }

/// The error of a row that was read.
Status RowError(const std::string& line) {
  const auto row = Rows().ReadResult(line);
  REQUIRE(row.ok());
  CHECK(row->vector.empty());
  CHECK(row->key == "k");
  return row->error;
}

bool Has(const Status& status, std::string_view words) {
  return status.message().find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("gemini: an input line has the service's names in snake case and ends in a line end") {
  CHECK(Input("k1", "a text") ==
        R"({"key":"k1","request":{"content":{"parts":[{"text":"a text"}]},)"
        R"("task_type":"CLUSTERING","output_dimensionality":4}})"
        "\n");
  std::string line = "before ";
  Rows("").AppendInput("k", "t", &line);
  CHECK(line == R"(before {"key":"k","request":{"content":{"parts":[{"text":"t"}]},)"
                R"("output_dimensionality":4}})"
                "\n");
}

TEST_CASE("gemini: an input line is one line whatever the text, and reads back as it was") {
  for (const std::string& text :
       {std::string("plain"), std::string("two\nlines\r\n"), std::string("\"q\" \\ /"),
        std::string("\0nul\x01\x1b[31m\x7f", 11),
        std::string("\xC3\xA4\xE2\x80\xA8\xF0\x9F\x98\x80"), std::string(R"({"key":"other"})"),
        std::string()}) {
    const std::string line = Input("0123456789abcdef", text);
    CHECK(line.find('\n') == line.size() - 1);
    const auto row = Rows().ReadInput(line);
    REQUIRE(row.ok());
    CHECK(row->key == "0123456789abcdef");
    CHECK(row->text == text);
  }
}

TEST_CASE("gemini: an input line cut at any byte, or another line, is damage") {
  const std::string line = Input("k", "some text");
  for (std::size_t size = 0; size + 1 < line.size(); ++size) {
    CHECK(Rows().ReadInput(line.substr(0, size)).code() == Code::kCorruption);
  }
  for (const char* other :
       {"null", "[]", "{}", R"({"key":"k"})", R"({"key":1,"request":{}})",
        R"({"key":"k","request":{"content":{"parts":[]}}})",
        R"({"key":"k","request":{"content":{"parts":[{"text":"a"},{"text":"b"}]}}})",
        R"({"key":"k","request":{"content":{"parts":[{"text":7}]}}})",
        R"({"key":"k","key":"l","request":{"content":{"parts":[{"text":"a"}]}}})"}) {
    CAPTURE(other);
    CHECK(Rows().ReadInput(other).code() == Code::kCorruption);
  }
}

TEST_CASE("gemini: result lines are read in all the forms that were seen") {
  const auto counted = Rows().ReadResult(
      R"({"response":{"tokenCount":"12","embedding":{"values":[1,-2.5e-05,0,3]}},)"
      R"("key":"k"})");
  REQUIRE(counted.ok());
  CHECK(counted->key == "k");
  CHECK(counted->vector == std::vector<float>{1, -2.5e-05F, 0, 3});
  CHECK(counted->tokens == 12);
  CHECK(counted->error.ok());
  const auto number = Rows().ReadResult(
      R"({"key":"k","response":{"tokenCount":7,"embedding":{"values":[1,2,3,4],"shape":[4]}}})");
  CHECK(number->tokens == 7);
  const auto usage =
      Rows().ReadResult(R"({"key":"k","response":{"embedding":{"values":[1,2,3,4]},)"
                        R"("usageMetadata":{"promptTokenCount":81,"promptTokenDetails":[]}}})");
  CHECK(usage->tokens == 81);
  const auto silent = Rows().ReadResult(
      R"( {"key":"k","response":{"embedding":{"values":[1,2,3,4]}},"status":{},"error":null} )");
  REQUIRE(silent.ok());
  CHECK(silent->error.ok());
  CHECK_FALSE(silent->tokens.has_value());
  for (const char* odd : {"\"x\"", "-3", "\"99999999999\"", "0", "{}", "1.5"}) {
    const auto row = Rows().ReadResult(R"({"key":"k","response":{"tokenCount":)" +
                                       std::string(odd) + R"(,"embedding":{"values":[1,2,3,4]}}})");
    REQUIRE(row.ok());
    CHECK_FALSE(row->tokens.has_value());
  }
}

TEST_CASE("gemini: the values of a result are the nearest float32") {
  const auto row = Rows().ReadResult(
      R"({"key":"k","response":{"embedding":{"values":[0.1,1.7313943e-06,0.000104340776,-1]}}})");
  REQUIRE(row.ok());
  CHECK(row->vector == std::vector<float>{0.1F, 1.7313943e-06F, 0.000104340776F, -1});
}

TEST_CASE("gemini: a row's own error is told apart from a bad line, wherever it stands") {
  const Status internal =
      RowError(R"({"key":"k","error":{"code":13,"message":"An internal error \u001b[31m"}})");
  CHECK(internal.code() == Code::kUnavailable);
  CHECK(Has(internal, "code 13"));
  CHECK(Has(internal, "An internal error \\x1b[31m"));
  CHECK(RowError(R"({"key":"k","error":{"code":4,"message":"Deadline expired"}})").code() ==
        Code::kUnavailable);
  for (const char* refused : {"3", "400", "\"400\"", "413", "422"}) {
    CHECK(RowError(R"({"error":{"code":)" + std::string(refused) +
                   R"(,"message":"empty Part"},"key":"k"})")
              .code() == Code::kRejected);
  }
  CHECK(RowError(R"({"key":"k","status":{"code":3,"message":"x"}})").code() == Code::kRejected);
  CHECK(RowError(R"({"key":"k","response":{"error":{"code":3}}})").code() == Code::kRejected);
  CHECK(RowError(R"({"key":"k","error":{"message":"?"}})").code() == Code::kUnavailable);
  CHECK_FALSE(
      Has(RowError(R"({"key":"k","error":{"message":"canary-key-0123456789"}})"), "canary"));
}

TEST_CASE("gemini: vectors that must not be stored make the line invalid and name its key") {
  for (const char* values :
       {"[1,2,3]", "[1,2,3,4,5]", "[]", "[0,0,0,0]", "[0,-0.0,0,0]", "[1,2,3,null]",
        "[1,2,3,\"4\"]", "[1,2,3,[4]]", "[1,2,3,1e39]", "null", "\"1,2,3,4\"", "{}"}) {
    const auto row = Rows().ReadResult(R"({"key":"k42","response":{"embedding":{"values":)" +
                                       std::string(values) + "}}}");
    CAPTURE(values);
    REQUIRE_FALSE(row.ok());
    CHECK(row.code() == Code::kInvalidReply);
    CHECK(Has(row.status(), "k42"));
  }
}

TEST_CASE("gemini: lines that are no result are invalid") {
  for (
      const char* line :
      {"",
       "\n",
       "null",
       "[]",
       "{}",
       "x",
       R"({"key":"k"})",
       R"({"key":"","response":{}})",
       R"({"key":5,"response":{"embedding":{"values":[1,2,3,4]}}})",
       R"({"response":{"embedding":{"values":[1,2,3,4]}}})",
       R"({"key":"k","response":null})",
       R"({"key":"k","response":{"embedding":[1,2,3,4]}})",
       R"({"key":"k","error":{}})",
       R"({"key":"k","key":"l","response":{"embedding":{"values":[1,2,3,4]}}})",
       R"({"key":"k","response":{"embedding":{"values":[1,2,3,4]},"embedding":{"values":[4,3,2,1]}}})",
       R"({"key":"k","response":{"embedding":{"values":[1,2,3,4],"values":[1,2,3,5]}}})",
       R"({"key":"k","response":{"embedding":{"values":[1,2,3,NaN]}}})",
       R"({"key":"k","response":{"embedding":{"values":[1,2,3,1e999]}}})",
       "{\"key\":\"\xFF\",\"response\":{\"embedding\":{\"values\":[1,2,3,4]}}}",
       R"({"key":"k","response":{"embedding":{"values":[1,2,3,4]}}}{"key":"l"})"}) {
    CAPTURE(line);
    CHECK(CodeOf(line) == Code::kInvalidReply);
  }
}

TEST_CASE(
    "gemini: a result line cut at any byte or with any byte changed never gives a wrong length") {
  const std::string line =
      R"({"response":{"tokenCount":"12","embedding":{"values":[1,-2.5e-05,0.5,3]}},"key":"k"})";
  for (std::size_t size = 0; size < line.size(); ++size) {
    CHECK(CodeOf(line.substr(0, size)) == Code::kInvalidReply);
  }
  for (std::size_t at = 0; at < line.size(); ++at) {
    for (const char c : {'0', '9', '"', ',', '}', ']', 'e', '-', ' ', '\0', '\xC3'}) {
      std::string changed = line;
      changed[at] = c;
      const auto row = Rows().ReadResult(changed);
      if (!row.ok() || !row->error.ok()) continue;
      CHECK_FALSE(row->key.empty());
      CHECK(row->vector.size() == 4);
      for (const float value : row->vector) CHECK(std::isfinite(value));
    }
  }
}

TEST_CASE("gemini: messages about lines are short and hold neither key nor control characters") {
  const std::string line = "{\"key\":\"k\x1b\",\"canary-key-0123456789" + std::string(5000, 'x');
  const Status status = Rows().ReadResult(line).status();
  CHECK(status.message().size() < 400);
  CHECK_FALSE(Has(status, "canary"));
  CHECK_FALSE(Has(status, "\x1b"));
}

TEST_CASE("gemini: lines are read by many threads at once") {
  const GeminiBatchRows rows = Rows();
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string text = std::to_string(t + 1);
      const std::string line =
          R"({"key":")" + text + R"(","response":{"embedding":{"values":[)" + text + ",2,3,4]}}}";
      for (int i = 0; i < 200; ++i) {
        const auto row = rows.ReadResult(line);
        if (row.ok() && row->key == text && row->vector[0] == static_cast<float>(t + 1)) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 800);
}

}  // namespace embstore
