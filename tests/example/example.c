// SPDX-License-Identifier: Apache-2.0
// The same from C: a store, a model of one's own, a vector.
#include <embstore/embstore.h>
#include <stdio.h>

static embstore_code LengthAndSpaces(void* context, const embstore_string* texts, size_t count,
                                     float* out, embstore_reply* reply) {
  (void)context, (void)reply;
  for (size_t i = 0; i < count; ++i, out += 2) {
    out[0] = (float)texts[i].size;
    out[1] = 0;
    for (size_t j = 0; j < texts[i].size; ++j) out[1] += texts[i].data[j] == ' ';
  }
  return EMBSTORE_OK;
}

int main(int argc, char** argv) {
  const embstore_string ids[] = {{"a", 1}, {"b", 1}};
  const embstore_string texts[] = {{"first text", 10}, {"a second one", 12}};
  const embstore_documents documents = {
      .size = sizeof documents, .count = 2, .texts = texts, .ids = ids};
  const embstore_callbacks model = {.size = sizeof model,
                                    .name = "example",
                                    .model = "length-and-spaces",
                                    .dimensions = 2,
                                    .embed = LengthAndSpaces};
  embstore_ingest_report report = {.size = sizeof report};

  embstore_store* store = NULL;
  embstore_provider* provider = NULL;
  embstore_split* split = NULL;
  embstore_space* space = NULL;
  embstore_document* document = NULL;
  embstore_error* error = NULL;
  float vector[2] = {0, 0};
  const int failed = embstore_open(argc > 1 ? argv[1] : "data/example", NULL, &store, &error) ||
                     embstore_callback_provider(&model, &provider, &error) ||
                     embstore_ingest(store, "demo", &documents, provider, NULL, &report, &error) ||
                     embstore_find_split(store, "demo", &split, &error) ||
                     embstore_find_space(store, split, NULL, &space, &error) ||
                     embstore_find_document(store, split, ids[1], &document, &error) ||
                     embstore_get_vector(store, space, document, vector, 2, &error);
  if (failed) fprintf(stderr, "%s\n", embstore_error_message(error));
  if (!failed) printf("embedded %d; b: %g %g\n", (int)report.embedded, vector[0], vector[1]);

  embstore_error_free(error);
  embstore_document_free(document);
  embstore_space_free(space);
  embstore_split_free(split);
  embstore_provider_free(provider);
  return embstore_close(store, NULL) || failed;
}
