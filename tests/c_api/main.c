// SPDX-License-Identifier: Apache-2.0
#include "promise.h"

static const char* base;
static const char* current;
static int promises;
static int failures;

void Failed(const char* file, int line, const char* what) {
  ++failures;
  fprintf(stderr, "FAILED %s\n    %s:%d: %s\n", current, file, line, what);
}

void CheckCode(const char* file, int line, const char* call, embstore_code expected,
               embstore_code actual, embstore_error** error) {
  char what[1000];
  snprintf(what, sizeof what, "%s\n    answered '%s', not '%s': %s", call,
           embstore_code_name(actual), embstore_code_name(expected),
           embstore_error_message(*error));
  if (actual != expected) Failed(file, line, what);
  if (embstore_error_code(*error) != actual) Failed(file, line, "the error has another code");
  const int silent = embstore_error_message(*error)[0] == '\0';
  if (silent != (actual == EMBSTORE_OK)) Failed(file, line, "no message, or one too many");
  embstore_error_free(*error);
}

void Promise(const char* sentence, void (*body)(const char* directory)) {
  char directory[1000];
  snprintf(directory, sizeof directory, "%s/%d", base, ++promises);
  current = sentence;
  body(directory);
}

embstore_string Str(const char* text) {
  const embstore_string string = {text, strlen(text)};
  return string;
}

int Same(embstore_string string, const char* text) {
  return string.size == strlen(text) && memcmp(string.data, text, string.size) == 0;
}

embstore_code CountLetters(void* context, const embstore_string* texts, size_t count, float* out,
                           embstore_reply* reply) {
  int* const seen = context;
  for (size_t i = 0; i < count; ++i, out += DIMENSIONS) {
    out[0] = (float)texts[i].size;
    out[1] = 0;
    for (size_t j = 0; j < texts[i].size; ++j) {
      out[1] += strchr("aeiou", texts[i].data[j]) != NULL;
    }
    out[2] = 1;
  }
  reply->tokens = 10 * count;
  if (seen != NULL) *seen += (int)count;
  return EMBSTORE_OK;
}

embstore_provider* MakeCounter(const char* model, int* seen) {
  const embstore_callbacks callbacks = {.size = sizeof callbacks,
                                        .name = "counter",
                                        .model = model,
                                        .dimensions = DIMENSIONS,
                                        .embed = CountLetters,
                                        .context = seen};
  embstore_provider* provider = NULL;
  CHECK_CODE(EMBSTORE_OK, embstore_callback_provider(&callbacks, &provider, &error));
  return provider;
}

Opened OpenFruit(const char* directory) {
  const embstore_string texts[] = {Str("apple"), Str("fig"), Str("kiwi"), Str("apple")};
  const embstore_string ids[] = {Str("a"), Str("b"), Str("c"), Str("d")};
  const embstore_string labels[] = {Str("1"), {NULL, 0}, Str("3"), Str("4")};
  const embstore_documents documents = {
      .size = sizeof documents, .count = 4, .texts = texts, .ids = ids, .labels = labels};
  embstore_provider* provider = MakeCounter("counter-v1", NULL);
  Opened opened = {NULL, NULL, NULL};
  CHECK_CODE(EMBSTORE_OK, embstore_open(directory, NULL, &opened.store, &error));
  CHECK_CODE(EMBSTORE_OK,
             embstore_ingest(opened.store, "fruit", &documents, provider, NULL, NULL, &error));
  CHECK_CODE(EMBSTORE_OK, embstore_find_split(opened.store, "fruit", &opened.split, &error));
  CHECK_CODE(EMBSTORE_OK,
             embstore_find_space(opened.store, opened.split, NULL, &opened.space, &error));
  embstore_provider_free(provider);
  return opened;
}

void Close(Opened* opened) {
  embstore_split_free(opened->split);
  embstore_space_free(opened->space);
  CHECK_CODE(EMBSTORE_OK, embstore_close(opened->store, &error));
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: c_api_test DIRECTORY\n"), 2;
  base = argv[1];
  MisusePromises();
  ReadingPromises();
  IngestPromises();
  printf("c_api: %d promises, %d failures\n", promises, failures);
  return failures != 0;
}
