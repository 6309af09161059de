// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/batch_input.h"

#include "tools/simulator/api_error.h"
#include "tools/simulator/batch_request.h"
#include "tools/simulator/embed_endpoints.h"
#include "tools/simulator/text.h"

namespace embstore::simulator {
namespace {

constexpr std::size_t kBlockBytes = 1U << 20U;

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

BatchInput::BatchInput(std::shared_ptr<const SpoolFile> file, const ModelInfo& model,
                       const Options& options)
    : file_(std::move(file)) {
  std::string rest;  // an unfinished line
  std::uint64_t offset = 0;
  for (std::uint64_t at = 0; at < file_->size(); at += kBlockBytes) {
    rest += file_->Read(at, kBlockBytes);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = rest.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      AddLine(std::string_view(rest).substr(begin, end - begin), offset + begin, model, options);
    }
    rest.erase(0, begin);
    offset += begin;
  }
  AddLine(rest, offset, model, options);
  if (rows_.empty()) throw InvalidArgument("* EmbedContentBatch: the input has no requests\n");
}

void BatchInput::AddLine(std::string_view line, std::uint64_t offset, const ModelInfo& model,
                         const Options& options) {
  if (IsBlank(line)) return;
  if (options.batch.strict_snake) RefuseCamelCase(line);
  BatchRow row{.offset = offset, .size = line.size(), .sha256 = {}};
  try {
    const EmbedRequest request = ParseBatchLine(line, model.id);
    row.tokens = CountAndCheck(model, request, options.overlong);
    row.dimensions = request.dimensions;
    row.sha256 = Sha256Hex(request.text);
  } catch (const ApiError&) {
    // An error of the row only; the result is where it is told.
  }
  tokens_ += row.tokens;
  rows_.push_back(std::move(row));
}

std::string BatchInput::Line(std::size_t row) const {
  return file_->Read(rows_[row].offset, rows_[row].size);
}

}  // namespace embstore::simulator
