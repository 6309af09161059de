// SPDX-License-Identifier: Apache-2.0
// Reads the answer to batchEmbedContents.
#pragma once

#include "embstore/provider.h"
#include "engine/http/transport.h"
#include "engine/json/json_reader.h"
#include "engine/provider/embedding_values.h"

namespace embstore {

/// One vector per text, each of the right size, finite and not all zero; everything else is
/// kInvalidReply. An error, also one that comes with status 200, is a GeminiErrorStatus.
/// `*parser` lends its memory.
Result<EmbedReply> ReadGeminiReply(const HttpResponse& response, const EmbeddingCall& call,
                                   JsonParser* parser);

}  // namespace embstore
