// SPDX-License-Identifier: Apache-2.0
// Batch jobs of Google's Gemini API.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/batch.h"
#include "embstore/identity.h"
#include "embstore/status.h"
#include "engine/provider/gemini_batch_rows.h"
#include "engine/provider/gemini_calls.h"

namespace embstore {

/// See BatchApi. Safe for concurrent use; needs a transport that is.
class GeminiBatch : public BatchApi {
 public:
  GeminiBatch(GeminiEndpoint endpoint, const EmbeddingIdentity& identity,
              std::string_view upload_mime_type);

  void AppendInputRow(std::string_view key, std::string_view text, std::string* out) const override;
  Result<BatchInputRow> ReadInputRow(std::string_view line) const override;
  Result<BatchResultRow> ReadResultRow(std::string_view line) const override;

  Result<std::string> Upload(const std::filesystem::path& path,
                             std::string_view display_name) override;
  Result<RemoteJob> Create(std::string_view input_file, std::string_view display_name) override;
  Result<RemoteJob> Get(std::string_view name) override;
  Status List(const std::function<bool(const RemoteJob&)>& visit) override;
  Result<std::vector<std::string>> FindUploads(std::string_view display_name) override;
  Status Download(std::string_view result_file,
                  const std::function<Status(std::string_view)>& sink) override;
  Status Cancel(std::string_view name) override;
  Status DeleteFile(std::string_view file) override;

 private:
  const GeminiEndpoint endpoint_;
  const std::string model_;
  const std::string upload_mime_type_;
  const GeminiBatchRows rows_;
};

}  // namespace embstore
