// SPDX-License-Identifier: Apache-2.0
// Reads a batch job as the server describes it: a long-running operation.
#pragma once

#include <string>
#include <string_view>

#include "embstore/batch.h"
#include "embstore/provider.h"
#include "embstore/status.h"
#include "engine/json/json_reader.h"

namespace embstore {

/// "BATCH_STATE_RUNNING", "JOB_STATE_RUNNING" and "RUNNING" alike; kUnknown for what is not known.
BatchState ParseBatchState(std::string_view text);

/// Whether entries of a list or the job itself is read: lists say nothing reliable of results.
enum class JobSource { kList, kJob };

/// Fills `*job` from `operation`. The answer is what is wrong with it, or "". `key` is kept out.
std::string ReadGeminiJob(const JsonValue& operation, JobSource source, const Secret* key,
                          RemoteJob* job);

}  // namespace embstore
