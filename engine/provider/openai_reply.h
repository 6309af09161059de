// SPDX-License-Identifier: Apache-2.0
// Reads the answer to /v1/embeddings.
#pragma once

#include <string>
#include <vector>

#include "embstore/provider.h"
#include "engine/http/transport.h"
#include "engine/json/json_reader.h"
#include "engine/provider/embedding_values.h"

namespace embstore {

struct OpenAiReply {
  EmbedReply embeddings;
  std::string model;  ///< As the server calls it, which need not be what was asked for.
};

/// The vectors of the body `root` of an answer, in the order of its `call.texts` texts. Answers
/// what is wrong with it, or "".
std::string ReadOpenAiVectors(const JsonValue& root, const EmbeddingCall& call,
                              std::vector<float>* out);

/// One vector per text, put in order by "index", each from base64 or a list of numbers, of the
/// right size, finite and not all zero. A missing "index" counts as 0. Everything else is
/// kInvalidReply. An error, also one that comes with status 200, is an OpenAiErrorStatus.
/// `*parser` lends its memory.
Result<OpenAiReply> ReadOpenAiReply(const HttpResponse& response, const EmbeddingCall& call,
                                    JsonParser* parser);

}  // namespace embstore
