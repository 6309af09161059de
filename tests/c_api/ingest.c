// SPDX-License-Identifier: Apache-2.0
// Ingest with providers of both kinds, and export.
#include "promise.h"

#define MANY 250

/// What a run is told by its callbacks.
typedef struct Told {
  int calls;
  int stop_after;
  int warnings;
  uint64_t texts_done;
  uint64_t texts_total;
} Told;

static int OnProgress(void* context, const embstore_progress* progress) {
  Told* const told = context;
  told->texts_done = progress->texts_done;
  told->texts_total = progress->texts_total;
  return ++told->calls == told->stop_after;
}

static void OnWarning(void* context, const char* message) {
  ((Told*)context)->warnings += message[0] != '\0';
}

/// "text 0", "text 1", ... in one block.
static const embstore_string* ManyTexts(void) {
  static char block[MANY][16];
  static embstore_string texts[MANY];
  for (int i = 0; i < MANY; ++i) {
    snprintf(block[i], sizeof block[i], "text %d", i);
    texts[i] = Str(block[i]);
  }
  return texts;
}

static void PaysOnce(const char* directory) {
  const embstore_documents documents = {
      .size = sizeof documents, .count = MANY, .texts = ManyTexts()};
  int seen = 0;
  Told told = {.stop_after = 0};
  embstore_provider* provider = MakeCounter("counter-v1", &seen);
  const embstore_ingest_options options = {.size = sizeof options,
                                           .progress = OnProgress,
                                           .warning = OnWarning,
                                           .price_micro_usd_per_million_tokens = 1000000,
                                           .context = &told};
  embstore_ingest_report report = {.size = sizeof report};
  embstore_store* store = NULL;
  CHECK_CODE(EMBSTORE_OK, embstore_open(directory, NULL, &store, &error));
  CHECK_CODE(EMBSTORE_OK,
             embstore_ingest(store, "many", &documents, provider, &options, &report, &error));
  CHECK(seen == MANY && told.texts_done == MANY && told.texts_total == MANY);
  CHECK(told.calls > 0 && told.warnings == 0);
  CHECK(report.documents == MANY && report.unique_documents == MANY && report.embedded == MANY);
  CHECK(report.complete == 1 && report.api_calls == 3 && report.tokens == 10 * MANY);
  CHECK(report.cost_nano_usd == 2500 * 1000);
  CHECK_CODE(EMBSTORE_OK,
             embstore_ingest(store, "again", &documents, provider, NULL, &report, &error));
  CHECK(seen == MANY && report.cached == MANY && report.embedded == 0);
  embstore_provider_free(provider);
  CHECK_CODE(EMBSTORE_OK, embstore_close(store, &error));
}

static void Stops(const char* directory) {
  const embstore_documents documents = {
      .size = sizeof documents, .count = MANY, .texts = ManyTexts()};
  Told told = {.stop_after = 1};
  int seen = 0;
  embstore_provider* provider = MakeCounter("counter-v1", &seen);
  const embstore_ingest_options options = {
      .size = sizeof options, .batch_size = 1, .progress = OnProgress, .context = &told};
  embstore_ingest_report report = {.size = sizeof report};
  embstore_store* store = NULL;
  CHECK_CODE(EMBSTORE_OK, embstore_open(directory, NULL, &store, &error));
  CHECK_CODE(EMBSTORE_CANCELLED,
             embstore_ingest(store, "many", &documents, provider, &options, &report, &error));
  CHECK(report.embedded > 0 && report.embedded < MANY && report.complete == 0);
  CHECK((int)report.embedded == seen);
  CHECK_CODE(EMBSTORE_OK,
             embstore_ingest(store, "many", &documents, provider, NULL, &report, &error));
  CHECK(report.complete == 1 && seen == MANY);
  embstore_provider_free(provider);
  CHECK_CODE(EMBSTORE_OK, embstore_close(store, &error));
}

/// Refuses "fig", and is not allowed to see "secret".
static embstore_code Picky(void* context, const embstore_string* texts, size_t count, float* out,
                           embstore_reply* reply) {
  for (size_t i = 0; i < count; ++i) {
    const int secret = Same(texts[i], "secret");
    if (!secret && !Same(texts[i], "fig")) continue;
    snprintf(reply->message, sizeof reply->message, "no %s", secret ? "permission" : "figs");
    return secret ? EMBSTORE_PERMISSION_DENIED : EMBSTORE_REJECTED;
  }
  return CountLetters(context, texts, count, out, reply);
}

/// Writes only the first of its vectors.
static embstore_code Lazy(void* context, const embstore_string* texts, size_t count, float* out,
                          embstore_reply* reply) {
  (void)count;
  return CountLetters(context, texts, 1, out, reply);
}

static embstore_code Strange(void* context, const embstore_string* texts, size_t count, float* out,
                             embstore_reply* reply) {
  (void)context, (void)texts, (void)count, (void)out, (void)reply;
  return (embstore_code)99;
}

static embstore_code IngestWith(const char* directory,
                                embstore_code (*embed)(void*, const embstore_string*, size_t,
                                                       float*, embstore_reply*),
                                const embstore_string* texts, size_t count,
                                embstore_ingest_report* report, embstore_error** error) {
  const embstore_documents documents = {.size = sizeof documents, .count = count, .texts = texts};
  const embstore_callbacks callbacks = {.size = sizeof callbacks,
                                        .name = "model",
                                        .model = "counter-v1",
                                        .dimensions = DIMENSIONS,
                                        .free_of_charge = 1,
                                        .embed = embed};
  embstore_provider* provider = NULL;
  embstore_store* store = NULL;
  CHECK(embstore_callback_provider(&callbacks, &provider, NULL) == EMBSTORE_OK);
  CHECK(embstore_open(directory, NULL, &store, NULL) == EMBSTORE_OK);
  const embstore_code code = embstore_ingest(store, "s", &documents, provider, NULL, report, error);
  embstore_provider_free(provider);
  CHECK(embstore_close(store, NULL) == EMBSTORE_OK);
  return code;
}

static void Failures(const char* directory) {
  const embstore_string texts[] = {Str("apple"), Str("fig"), Str("kiwi"), Str("secret")};
  embstore_ingest_report report = {.size = sizeof report};
  CHECK_CODE(EMBSTORE_OK, IngestWith(directory, Picky, texts, 3, &report, &error));
  CHECK(report.embedded == 2 && report.failed == 1 && report.complete == 0);
  embstore_error* error = NULL;
  CHECK(IngestWith(directory, Picky, texts + 3, 1, &report, &error) == EMBSTORE_PERMISSION_DENIED);
  CHECK(strstr(embstore_error_message(error), "model: no permission") != NULL);
  embstore_error_free(error);
}

static void BadAnswers(const char* directory) {
  const embstore_string texts[] = {Str("apple"), Str("kiwi")};
  embstore_ingest_report report = {.size = sizeof report};
  CHECK_CODE(EMBSTORE_OK, IngestWith(directory, Lazy, texts, 2, &report, &error));
  CHECK(report.embedded == 0 && report.failed == 2);
  CHECK_CODE(EMBSTORE_INTERNAL, IngestWith(directory, Strange, texts, 2, &report, &error));
}

static void BadDocuments(const char* directory) {
  const embstore_string texts[] = {Str("apple"), Str("kiwi"), Str("\xff")};
  const embstore_string ids[] = {Str("same"), Str("same")};
  embstore_documents documents = {.size = sizeof documents, .count = 3, .texts = texts};
  int seen = 0;
  embstore_provider* provider = MakeCounter("counter-v1", &seen);
  embstore_store* store = NULL;
  CHECK_CODE(EMBSTORE_OK, embstore_open(directory, NULL, &store, &error));
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT,
             embstore_ingest(store, "s", &documents, provider, NULL, NULL, &error));
  documents.count = 2;
  documents.ids = ids;
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT,
             embstore_ingest(store, "s", &documents, provider, NULL, NULL, &error));
  documents.ids = NULL;
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT,
             embstore_ingest(store, "../s", &documents, provider, NULL, NULL, &error));
  CHECK(seen == 0);
  embstore_provider_free(provider);
  CHECK_CODE(EMBSTORE_OK, embstore_close(store, &error));
}

static void Export(const char* directory) {
  const embstore_documents documents = {
      .size = sizeof documents, .count = MANY, .texts = ManyTexts()};
  const embstore_local_options local = {.size = sizeof local, .dimensions = 16};
  embstore_provider* provider = NULL;
  Opened opened = {NULL, NULL, NULL};
  CHECK_CODE(EMBSTORE_OK, embstore_local_provider(&local, &provider, &error));
  CHECK_CODE(EMBSTORE_OK, embstore_open(directory, NULL, &opened.store, &error));
  CHECK_CODE(EMBSTORE_OK,
             embstore_ingest(opened.store, "many", &documents, provider, NULL, NULL, &error));
  embstore_provider_free(provider);
  CHECK_CODE(EMBSTORE_OK, embstore_find_split(opened.store, "many", &opened.split, &error));
  CHECK_CODE(EMBSTORE_OK,
             embstore_find_space(opened.store, opened.split, NULL, &opened.space, &error));

  embstore_export_options options = {.size = sizeof options, .verify = 1};
  embstore_export_report report = {.size = sizeof report};
  CHECK_CODE(EMBSTORE_OK,
             embstore_export(opened.store, "many", opened.space, &options, &report, &error));
  CHECK(report.rows == MANY && report.dimensions == 16 && report.missing == 0);
  CHECK(report.unchanged == 0);
  char path[1000];
  char magic[6] = "";
  snprintf(path, sizeof path, "%s/many_embeddings.npy", directory);
  FILE* const file = fopen(path, "rb");
  CHECK(file != NULL && fread(magic, 1, 6, file) == 6 && memcmp(magic, "\x93NUMPY", 6) == 0);
  if (file != NULL) fclose(file);
  CHECK_CODE(EMBSTORE_OK,
             embstore_export(opened.store, "many", opened.space, NULL, &report, &error));
  CHECK(report.unchanged == 1);
  options.missing = (embstore_missing)7;
  CHECK_CODE(EMBSTORE_INVALID_ARGUMENT,
             embstore_export(opened.store, "many", opened.space, &options, &report, &error));
  Close(&opened);
}

void IngestPromises(void) {
  Promise("each text is embedded once, and what it costs is reported", PaysOnce);
  Promise("a run stops when its callback says so, and goes on later", Stops);
  Promise("a callback's code and message reach the caller", Failures);
  Promise("rows that a callback left out and unknown codes are refused", BadAnswers);
  Promise("nothing is sent for documents that are not sound", BadDocuments);
  Promise("a split is exported as .npy", Export);
}
