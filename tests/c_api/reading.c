// SPDX-License-Identifier: Apache-2.0
// Splits, spaces, documents, vectors, search.
#include <math.h>

#include "promise.h"

static const float kApple[] = {5, 2, 1};
static const float kFig[] = {3, 1, 1};
static const float kKiwi[] = {4, 2, 1};

static int SameVector(const float* vector, const float* expected) {
  return memcmp(vector, expected, DIMENSIONS * sizeof *vector) == 0;
}

static void Splits(const char* directory) {
  Opened fruit = OpenFruit(directory);
  embstore_split_list* list = NULL;
  CHECK_CODE(EMBSTORE_OK, embstore_list_splits(fruit.store, &list, &error));
  CHECK(embstore_split_list_size(list) == 1);
  CHECK(strcmp(embstore_split_name(embstore_split_list_at(list, 0)), "fruit") == 0);
  CHECK(embstore_split_list_at(list, 1) == NULL);
  embstore_split_list_free(list);
  CHECK(embstore_split_documents(fruit.split) == 4);
  CHECK(embstore_split_unique_documents(fruit.split) == 3);
  embstore_split* none = NULL;
  CHECK_CODE(EMBSTORE_NOT_FOUND, embstore_find_split(fruit.store, "nuts", &none, &error));
  Close(&fruit);
}

static void Spaces(const char* directory) {
  Opened fruit = OpenFruit(directory);
  CHECK(strcmp(embstore_space_model(fruit.space), "counter-v1") == 0);
  CHECK(strcmp(embstore_space_task_type(fruit.space), "") == 0);
  CHECK(strcmp(embstore_space_provider(fruit.space), "counter") == 0);
  CHECK(embstore_space_dimensions(fruit.space) == DIMENSIONS);

  const embstore_string text = Str("apple");
  const embstore_documents documents = {.size = sizeof documents, .count = 1, .texts = &text};
  embstore_provider* other = MakeCounter("counter-v2", NULL);
  CHECK_CODE(EMBSTORE_OK,
             embstore_ingest(fruit.store, "fruit", &documents, other, NULL, NULL, &error));
  embstore_provider_free(other);
  embstore_space* found = NULL;
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT,
             embstore_find_space(fruit.store, fruit.split, NULL, &found, &error));
  CHECK_CODE(EMBSTORE_NOT_FOUND,
             embstore_find_space(fruit.store, fruit.split, "counter-v3", &found, &error));
  CHECK(found == NULL);
  CHECK_CODE(EMBSTORE_OK,
             embstore_find_space(fruit.store, fruit.split, "counter-v1", &found, &error));
  CHECK(embstore_space_id(found) == embstore_space_id(fruit.space));
  embstore_space_list* list = NULL;
  CHECK_CODE(EMBSTORE_OK, embstore_list_spaces(fruit.store, NULL, &list, &error));
  CHECK(embstore_space_list_size(list) == 2);
  CHECK(embstore_space_id(embstore_space_list_at(list, 0)) !=
        embstore_space_id(embstore_space_list_at(list, 1)));
  embstore_space_list_free(list);
  embstore_space_free(found);
  Close(&fruit);
}

static void Documents(const char* directory) {
  Opened fruit = OpenFruit(directory);
  embstore_document* kiwi = NULL;
  embstore_document* fig = NULL;
  embstore_string text = {NULL, 0};
  CHECK_CODE(EMBSTORE_OK,
             embstore_find_document(fruit.store, fruit.split, Str("c"), &kiwi, &error));
  CHECK(embstore_document_position(kiwi) == 2);
  CHECK(Same(embstore_document_label(kiwi), "3"));
  CHECK_CODE(EMBSTORE_OK, embstore_document_text(fruit.store, kiwi, &text, &error));
  CHECK(Same(text, "kiwi"));
  CHECK_CODE(EMBSTORE_OK, embstore_document_at(fruit.store, fruit.split, 1, &fig, &error));
  CHECK(Same(embstore_document_id(fig), "b"));
  CHECK(embstore_document_label(fig).data == NULL);
  embstore_document_free(fig);
  CHECK_CODE(EMBSTORE_NOT_FOUND,
             embstore_find_document(fruit.store, fruit.split, Str("z"), &fig, &error));
  CHECK_CODE(EMBSTORE_NOT_FOUND, embstore_document_at(fruit.store, fruit.split, 4, &fig, &error));
  CHECK(fig == NULL);
  float vector[DIMENSIONS];
  CHECK_CODE(EMBSTORE_OK,
             embstore_get_vector(fruit.store, fruit.space, kiwi, vector, DIMENSIONS, &error));
  CHECK(SameVector(vector, kKiwi));
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT,
             embstore_get_vector(fruit.store, fruit.space, kiwi, vector, DIMENSIONS - 1, &error));
  embstore_document_free(kiwi);
  Close(&fruit);
}

static void Vectors(const char* directory) {
  Opened fruit = OpenFruit(directory);
  float rows[4 * DIMENSIONS];
  CHECK_CODE(EMBSTORE_OK, embstore_get_range(fruit.store, fruit.space, fruit.split, 0, 4, rows, 12,
                                             NULL, &error));
  CHECK(SameVector(rows, kApple) && SameVector(rows + 3, kFig));
  CHECK(SameVector(rows + 6, kKiwi) && SameVector(rows + 9, kApple));
  CHECK_CODE(EMBSTORE_OK, embstore_get_range(fruit.store, fruit.space, fruit.split, 2, 1, rows, 3,
                                             NULL, &error));
  CHECK(SameVector(rows, kKiwi));
  const uint64_t positions[] = {3, 1, 2, 1};
  CHECK_CODE(EMBSTORE_OK, embstore_get_vectors(fruit.store, fruit.space, fruit.split, positions, 4,
                                               rows, 12, NULL, &error));
  CHECK(SameVector(rows, kApple) && SameVector(rows + 3, kFig));
  CHECK(SameVector(rows + 6, kKiwi) && SameVector(rows + 9, kFig));
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT, embstore_get_range(fruit.store, fruit.space, fruit.split, 0,
                                                           4, rows, 11, NULL, &error));
  CHECK_CODE(EMBSTORE_NOT_FOUND, embstore_get_range(fruit.store, fruit.space, fruit.split, 1, 4,
                                                    rows, 12, NULL, &error));
  CHECK_CODE(EMBSTORE_NOT_FOUND, embstore_get_range(fruit.store, fruit.space, fruit.split,
                                                    UINT64_MAX, 4, rows, 12, NULL, &error));
  const uint64_t outside = 4;
  CHECK_CODE(EMBSTORE_NOT_FOUND, embstore_get_vectors(fruit.store, fruit.space, fruit.split,
                                                      &outside, 1, rows, 3, NULL, &error));
  CHECK_CODE(EMBSTORE_OK, embstore_get_vectors(fruit.store, fruit.space, fruit.split, NULL, 0, NULL,
                                               0, NULL, &error));
  Close(&fruit);
}

static void VectorsOfTexts(const char* directory) {
  Opened fruit = OpenFruit(directory);
  const embstore_string texts[] = {Str("fig"), Str("melon"), Str("apple")};
  float rows[3 * DIMENSIONS] = {0};
  rows[DIMENSIONS] = 77;
  uint8_t found[3] = {9, 9, 9};
  CHECK_CODE(EMBSTORE_OK,
             embstore_get_text_vectors(fruit.store, fruit.space, texts, 3, rows, 9, found, &error));
  CHECK(found[0] == 1 && found[1] == 0 && found[2] == 1);
  CHECK(SameVector(rows, kFig) && rows[DIMENSIONS] == 77 && SameVector(rows + 6, kApple));
  CHECK_CODE(EMBSTORE_NOT_FOUND,
             embstore_get_text_vectors(fruit.store, fruit.space, texts, 3, rows, 9, NULL, &error));
  Close(&fruit);
}

static void Normalize(const char* directory) {
  (void)directory;
  float rows[] = {3, 4, 0, 0, 0, 2};
  CHECK_CODE(EMBSTORE_OK, embstore_normalize(rows, 3, 2, &error));
  CHECK(fabsf(rows[0] - 0.6F) < 1e-6F && fabsf(rows[1] - 0.8F) < 1e-6F);
  CHECK(rows[2] == 0 && rows[3] == 0 && rows[4] == 0 && rows[5] == 1);
}

static void BesideAWriter(const char* directory) {
  Opened fruit = OpenFruit(directory);
  const embstore_store_options options = {.size = sizeof options, .read_only = 1};
  embstore_store* reader = NULL;
  float rows[4 * DIMENSIONS];
  CHECK_CODE(EMBSTORE_OK, embstore_open(directory, &options, &reader, &error));
  CHECK_CODE(EMBSTORE_OK,
             embstore_get_range(reader, fruit.space, fruit.split, 0, 4, rows, 12, NULL, &error));
  CHECK(SameVector(rows + 9, kApple));
  CHECK_CODE(EMBSTORE_OK, embstore_close(reader, &error));
  Close(&fruit);
}

static int NotApple(void* context, uint64_t position) {
  (void)context;
  return position == 1 || position == 2;
}

static void Search(const char* directory) {
  Opened fruit = OpenFruit(directory);
  embstore_searcher* searcher = NULL;
  CHECK_CODE(EMBSTORE_OK,
             embstore_search_split(fruit.store, fruit.split, fruit.space, NULL, &searcher, &error));
  CHECK(embstore_searcher_size(searcher) == 4);
  CHECK(embstore_searcher_dimensions(searcher) == DIMENSIONS);

  embstore_query_options options = {.size = sizeof options, .k = 2, .exact = 1};
  embstore_hit hits[4];
  size_t counts[2] = {9, 9};
  const float queries[] = {5, 2, 1, 3, 1, 1};
  CHECK_CODE(EMBSTORE_OK, embstore_search(searcher, queries, 2, &options, hits, counts, &error));
  CHECK(counts[0] == 2 && hits[0].position == 0 && hits[1].position == 3);
  CHECK(fabsf(hits[0].score - 1) < 1e-6F && hits[0].score == hits[1].score);
  CHECK(counts[1] == 2 && hits[2].position == 1 && hits[2].score >= hits[3].score);

  const uint64_t self = 0;
  options.excluded = &self;
  CHECK_CODE(EMBSTORE_OK, embstore_search(searcher, queries, 1, &options, hits, counts, &error));
  CHECK(counts[0] == 2 && hits[0].position == 3);
  options.accept = NotApple;
  CHECK_CODE(EMBSTORE_OK, embstore_search(searcher, queries, 1, &options, hits, counts, &error));
  CHECK(counts[0] == 2 && hits[0].position + hits[1].position == 3);
  const float high = 0.9999F;
  options.min_score = &high;
  CHECK_CODE(EMBSTORE_OK, embstore_search(searcher, queries, 1, &options, hits, counts, &error));
  CHECK(counts[0] == 0);

  const float zero[DIMENSIONS] = {0};
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT,
             embstore_search(searcher, zero, 1, &options, hits, counts, &error));
  embstore_searcher_free(searcher);
  CHECK_CODE(EMBSTORE_OK, embstore_search_space(fruit.store, fruit.space, NULL, &searcher, &error));
  CHECK(embstore_searcher_size(searcher) == 3);
  embstore_searcher_free(searcher);
  Close(&fruit);
}

void ReadingPromises(void) {
  Promise("splits are listed, and found by name", Splits);
  Promise("a split's space is found, by its model if there are several", Spaces);
  Promise("a document by id has its position, label, text and vector", Documents);
  Promise("many vectors, and a whole split, come row by row", Vectors);
  Promise("vectors of texts are found, or said to be missing", VectorsOfTexts);
  Promise("rows are scaled to unit length", Normalize);
  Promise("a read-only store reads beside a writer", BesideAWriter);
  Promise("search answers the nearest, as the options say", Search);
}
