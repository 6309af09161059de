// SPDX-License-Identifier: Apache-2.0
// What a caller may do wrong, and errors themselves.
#include "promise.h"

static void Versions(const char* directory) {
  (void)directory;
  CHECK(strcmp(embstore_version(), EMBSTORE_VERSION) == 0);
  CHECK(embstore_abi_version() == EMBSTORE_ABI_VERSION);
}

static void CodeNames(const char* directory) {
  (void)directory;
  CHECK(strcmp(embstore_code_name(EMBSTORE_OK), "ok") == 0);
  CHECK(strcmp(embstore_code_name(EMBSTORE_NOT_FOUND), "not found") == 0);
  CHECK(strcmp(embstore_code_name(EMBSTORE_INTERNAL), "internal error") == 0);
  CHECK(strcmp(embstore_code_name((embstore_code)99), "unknown") == 0);
}

static void NullHandles(const char* directory) {
  const embstore_code invalid = EMBSTORE_INVALID_ARGUMENT;
  const embstore_string id = {NULL, 0};
  embstore_store* store = NULL;
  CHECK_CODE(invalid, embstore_open(NULL, NULL, &store, &error));
  CHECK_CODE(invalid, embstore_open(directory, NULL, NULL, &error));
  CHECK_CODE(invalid, embstore_list_splits(NULL, NULL, &error));
  CHECK_CODE(invalid, embstore_find_split(NULL, NULL, NULL, &error));
  CHECK_CODE(invalid, embstore_list_spaces(NULL, NULL, NULL, &error));
  CHECK_CODE(invalid, embstore_find_space(NULL, NULL, NULL, NULL, &error));
  CHECK_CODE(invalid, embstore_find_document(NULL, NULL, id, NULL, &error));
  CHECK_CODE(invalid, embstore_document_at(NULL, NULL, 0, NULL, &error));
  CHECK_CODE(invalid, embstore_document_text(NULL, NULL, NULL, &error));
  CHECK_CODE(invalid, embstore_get_vector(NULL, NULL, NULL, NULL, 0, &error));
  CHECK_CODE(invalid, embstore_get_vectors(NULL, NULL, NULL, NULL, 1, NULL, 0, NULL, &error));
  CHECK_CODE(invalid, embstore_get_range(NULL, NULL, NULL, 0, 1, NULL, 0, NULL, &error));
  CHECK_CODE(invalid, embstore_get_text_vectors(NULL, NULL, NULL, 1, NULL, 0, NULL, &error));
  CHECK_CODE(invalid, embstore_normalize(NULL, 1, 3, &error));
  CHECK_CODE(invalid, embstore_search_split(NULL, NULL, NULL, NULL, NULL, &error));
  CHECK_CODE(invalid, embstore_search_space(NULL, NULL, NULL, NULL, &error));
  CHECK_CODE(invalid, embstore_search(NULL, NULL, 1, NULL, NULL, NULL, &error));
  CHECK_CODE(invalid, embstore_local_provider(NULL, NULL, &error));
  CHECK_CODE(invalid, embstore_callback_provider(NULL, NULL, &error));
  CHECK_CODE(invalid, embstore_ingest(NULL, NULL, NULL, NULL, NULL, NULL, &error));
  CHECK_CODE(invalid, embstore_export(NULL, NULL, NULL, NULL, NULL, &error));
  CHECK(store == NULL);
}

static void NullAccessors(const char* directory) {
  (void)directory;
  CHECK_CODE(EMBSTORE_OK, embstore_close(NULL, &error));
  embstore_error_free(NULL);
  embstore_split_free(NULL);
  embstore_split_list_free(NULL);
  embstore_space_free(NULL);
  embstore_space_list_free(NULL);
  embstore_document_free(NULL);
  embstore_searcher_free(NULL);
  embstore_provider_free(NULL);
  CHECK(embstore_error_code(NULL) == EMBSTORE_OK && embstore_error_message(NULL)[0] == '\0');
  CHECK(embstore_split_list_size(NULL) == 0 && embstore_split_list_at(NULL, 0) == NULL);
  CHECK(embstore_space_list_size(NULL) == 0 && embstore_space_list_at(NULL, 0) == NULL);
  CHECK(embstore_split_name(NULL)[0] == '\0' && embstore_split_documents(NULL) == 0);
  CHECK(embstore_split_unique_documents(NULL) == 0);
  CHECK(embstore_space_model(NULL)[0] == '\0' && embstore_space_task_type(NULL)[0] == '\0');
  CHECK(embstore_space_provider(NULL)[0] == '\0' && embstore_space_dimensions(NULL) == 0);
  CHECK(embstore_space_id(NULL) == 0 && embstore_document_position(NULL) == 0);
  CHECK(embstore_document_id(NULL).data == NULL && embstore_document_label(NULL).data == NULL);
  CHECK(embstore_searcher_size(NULL) == 0 && embstore_searcher_dimensions(NULL) == 0);
}

static void Errors(const char* directory) {
  embstore_store_options options = {.size = sizeof options, .must_exist = 1};
  embstore_store* store = (embstore_store*)&options;
  embstore_error* own = NULL;
  CHECK(embstore_open(directory, &options, &store, NULL) == EMBSTORE_NOT_FOUND);
  CHECK(store == NULL);
  CHECK(embstore_open(directory, &options, &store, &own) == EMBSTORE_NOT_FOUND);
  CHECK(strstr(embstore_error_message(own), directory) != NULL);
  embstore_error_free(own);
  own = (embstore_error*)&options;
  CHECK(embstore_open(directory, NULL, &store, &own) == EMBSTORE_OK);
  CHECK(own == NULL);
  CHECK_CODE(EMBSTORE_OK, embstore_close(store, &error));
}

static void Locked(const char* directory) {
  embstore_store* store = NULL;
  embstore_store* second = NULL;
  CHECK_CODE(EMBSTORE_OK, embstore_open(directory, NULL, &store, &error));
  CHECK_CODE(EMBSTORE_LOCKED, embstore_open(directory, NULL, &second, &error));
  CHECK_CODE(EMBSTORE_OK, embstore_close(store, &error));
}

/// Options of a program that was compiled with a later version.
typedef struct LaterOptions {
  embstore_local_options known;
  uint64_t added;
} LaterOptions;

static embstore_code MakeLocal(const embstore_local_options* options, embstore_error** error) {
  embstore_provider* provider = NULL;
  const embstore_code code = embstore_local_provider(options, &provider, error);
  CHECK((provider != NULL) == (code == EMBSTORE_OK));
  embstore_provider_free(provider);
  return code;
}

static void SizesOfOptions(const char* directory) {
  (void)directory;
  embstore_local_options none = {.size = 0, .dimensions = 8};
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT, MakeLocal(&none, &error));
  // Only the size and the seed: `dimensions`, which would be refused, is not part of it.
  embstore_local_options earlier = {.size = offsetof(embstore_local_options, dimensions),
                                    .dimensions = 1};
  CHECK_CODE(EMBSTORE_OK, MakeLocal(&earlier, &error));
  earlier.size = sizeof earlier;
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT, MakeLocal(&earlier, &error));
  LaterOptions later = {{.size = sizeof later, .dimensions = 8}, 0};
  CHECK_CODE(EMBSTORE_OK, MakeLocal(&later.known, &error));
  later.added = 1;
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT, MakeLocal(&later.known, &error));
}

static void SizesOfReports(const char* directory) {
  const embstore_string text = Str("apple");
  const embstore_documents documents = {.size = sizeof documents, .count = 1, .texts = &text};
  embstore_provider* provider = MakeCounter("counter-v1", NULL);
  embstore_store* store = NULL;
  CHECK_CODE(EMBSTORE_OK, embstore_open(directory, NULL, &store, &error));
  embstore_ingest_report report = {.size = 0};
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT,
             embstore_ingest(store, "s", &documents, provider, NULL, &report, &error));
  report.size = offsetof(embstore_ingest_report, cached);
  report.cached = 77;
  report.documents = 77;
  CHECK_CODE(EMBSTORE_OK, embstore_ingest(store, "s", &documents, provider, NULL, &report, &error));
  CHECK(report.documents == 1);
  CHECK(report.cached == 77);
  CHECK(report.size == offsetof(embstore_ingest_report, cached));
  embstore_provider_free(provider);
  CHECK_CODE(EMBSTORE_OK, embstore_close(store, &error));
}

static void IncompleteCallbacks(const char* directory) {
  (void)directory;
  const embstore_callbacks whole = {.size = sizeof whole,
                                    .name = "n",
                                    .model = "m",
                                    .dimensions = DIMENSIONS,
                                    .embed = CountLetters};
  embstore_provider* provider = NULL;
  embstore_callbacks part = whole;
  part.name = NULL;
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT, embstore_callback_provider(&part, &provider, &error));
  part = whole;
  part.model = NULL;
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT, embstore_callback_provider(&part, &provider, &error));
  part = whole;
  part.dimensions = 0;
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT, embstore_callback_provider(&part, &provider, &error));
  part = whole;
  part.embed = NULL;
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT, embstore_callback_provider(&part, &provider, &error));
  CHECK(provider == NULL);
}

static void Exceptions(const char* directory) {
  const embstore_string text = Str("apple");
  const embstore_documents too_many = {.size = sizeof too_many, .count = SIZE_MAX, .texts = &text};
  embstore_provider* provider = MakeCounter("counter-v1", NULL);
  embstore_store* store = NULL;
  CHECK_CODE(EMBSTORE_OK, embstore_open(directory, NULL, &store, &error));
  CHECK_CODE(EMBSTORE_INTERNAL,
             embstore_ingest(store, "s", &too_many, provider, NULL, NULL, &error));
  embstore_provider_free(provider);
  CHECK_CODE(EMBSTORE_OK, embstore_close(store, &error));
}

void MisusePromises(void) {
  Promise("the library says its version", Versions);
  Promise("every code has a name", CodeNames);
  Promise("NULL where something must be is an invalid argument", NullHandles);
  Promise("NULL is freed, and has no properties", NullAccessors);
  Promise("an error comes with a message, if the caller wants it", Errors);
  Promise("two cannot write at once", Locked);
  Promise("options of earlier and later versions are understood, or refused", SizesOfOptions);
  Promise("a report is filled as far as its size", SizesOfReports);
  Promise("an exception inside comes out as a code", Exceptions);
  Promise("a provider needs a name, a model, dimensions and a callback", IncompleteCallbacks);
}
