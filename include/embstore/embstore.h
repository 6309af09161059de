// SPDX-License-Identifier: Apache-2.0
// embstore for C (C99) and for bindings of other languages.
//
//   embstore_store* store = NULL;
//   embstore_error* error = NULL;
//   if (embstore_open("data/embeddings", NULL, &store, &error) != EMBSTORE_OK) {
//     fprintf(stderr, "%s\n", embstore_error_message(error));
//     embstore_error_free(error);
//   }
//
// These rules hold for every call:
// - What can fail answers an embstore_code. If it failed and `error` is not NULL, *error is a new
//   object, to be freed by the caller; after success it is NULL. An output handle is NULL after a
//   failure, a buffer then holds nothing of use.
// - Nothing is thrown. NULL where there must be something is EMBSTORE_INVALID_ARGUMENT.
// - A handle belongs to the caller until its _free (a store: embstore_close), which takes NULL too.
//   Strings and items that come out of a handle belong to it and live as long.
// - A store outlives its searchers and every call that uses it. All other handles are snapshots of
//   their own.
// - Option structs begin with their size; zero in any other field, and NULL for the struct, is the
//   default. Later versions only append fields, so that a program runs with newer libraries.
//     embstore_query_options options = {.size = sizeof options};
//   Reports begin with their size too, set by the caller, and only that much is filled in.
// - Names and paths are NUL-terminated UTF-8. Ids, texts and labels have a length instead.
// - Vectors are float32 (N, D), row major, in the caller's memory, as the provider gave them.
//   Sizes of buffers are numbers of floats, and have to be exact.
// - Stores, splits, spaces and searchers are safe for concurrent use, everything else is for one
//   thread at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "embstore/version.h"
#include "embstore/visibility.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Grows when programs in C that were compiled before could not run any more.
#define EMBSTORE_ABI_VERSION 1
EMBSTORE_API int embstore_abi_version(void);

// --- Errors -----------------------------------------------------------------------------------

/// As embstore::Code of status.h, which says what to do about each.
typedef enum embstore_code {
  EMBSTORE_OK = 0,
  EMBSTORE_INVALID_ARGUMENT = 1,
  EMBSTORE_NOT_FOUND = 2,
  EMBSTORE_CORRUPTION = 3,
  EMBSTORE_INCOMPATIBLE = 4,
  EMBSTORE_LOCKED = 5,
  EMBSTORE_WRITE_FAILED = 6,
  EMBSTORE_UNAVAILABLE = 7,
  EMBSTORE_RATE_LIMITED = 8,
  EMBSTORE_QUOTA_EXHAUSTED = 9,
  EMBSTORE_PERMISSION_DENIED = 10,
  EMBSTORE_REJECTED = 11,
  EMBSTORE_INVALID_REPLY = 12,
  EMBSTORE_IN_DOUBT = 13,
  EMBSTORE_HELD = 14,
  EMBSTORE_BUDGET_REACHED = 15,
  EMBSTORE_CANCELLED = 16,
  EMBSTORE_INTERNAL = 17
} embstore_code;

typedef struct embstore_error embstore_error;

EMBSTORE_API embstore_code embstore_error_code(const embstore_error* error);   ///< NULL: OK.
EMBSTORE_API const char* embstore_error_message(const embstore_error* error);  ///< Never NULL.
EMBSTORE_API void embstore_error_free(embstore_error* error);

/// For example "not found". Static storage.
EMBSTORE_API const char* embstore_code_name(embstore_code code);

// --- Stores -----------------------------------------------------------------------------------

/// Bytes that are not NUL-terminated. As an optional value, data is NULL when there is none.
typedef struct embstore_string {
  const char* data;
  size_t size;
} embstore_string;

typedef struct embstore_store embstore_store;

typedef struct embstore_store_options {
  size_t size;
  int read_only;     ///< Beside a writer if there is one; sees the state at that moment.
  int must_exist;    ///< Do not create it.
  int without_text;  ///< Keep no texts beside new vectors.
  uint64_t block_cache_bytes;
} embstore_store_options;

/// Opens a cache directory. LOCKED: another process writes. NOT_FOUND: there is none.
EMBSTORE_API embstore_code embstore_open(const char* directory,
                                         const embstore_store_options* options,
                                         embstore_store** store, embstore_error** error);

/// Closes and frees `store`, also when it answers an error. Nothing that was stored depends on it.
EMBSTORE_API embstore_code embstore_close(embstore_store* store, embstore_error** error);

// --- Splits -----------------------------------------------------------------------------------

/// A split's document list as it was when the handle was made.
typedef struct embstore_split embstore_split;
typedef struct embstore_split_list embstore_split_list;

/// All splits by name.
EMBSTORE_API embstore_code embstore_list_splits(const embstore_store* store,
                                                embstore_split_list** list, embstore_error** error);
EMBSTORE_API size_t embstore_split_list_size(const embstore_split_list* list);
/// NULL: there is no such item.
EMBSTORE_API const embstore_split* embstore_split_list_at(const embstore_split_list* list,
                                                          size_t index);
EMBSTORE_API void embstore_split_list_free(embstore_split_list* list);

EMBSTORE_API embstore_code embstore_find_split(const embstore_store* store, const char* name,
                                               embstore_split** split, embstore_error** error);
EMBSTORE_API const char* embstore_split_name(const embstore_split* split);
EMBSTORE_API uint64_t embstore_split_documents(const embstore_split* split);
EMBSTORE_API uint64_t embstore_split_unique_documents(const embstore_split* split);
EMBSTORE_API void embstore_split_free(embstore_split* split);

// --- Spaces -----------------------------------------------------------------------------------

/// The vectors of one model, number of dimensions and task type.
typedef struct embstore_space embstore_space;
typedef struct embstore_space_list embstore_space_list;

/// Spaces that a split has vectors in; `split` NULL: all of the store.
EMBSTORE_API embstore_code embstore_list_spaces(const embstore_store* store,
                                                const embstore_split* split,
                                                embstore_space_list** list, embstore_error** error);
EMBSTORE_API size_t embstore_space_list_size(const embstore_space_list* list);
/// NULL: there is no such item.
EMBSTORE_API const embstore_space* embstore_space_list_at(const embstore_space_list* list,
                                                          size_t index);
EMBSTORE_API void embstore_space_list_free(embstore_space_list* list);

/// The one space of a split, or the one of `model`. NOT_FOUND: none. INVALID_ARGUMENT: several;
/// choose one from the list.
EMBSTORE_API embstore_code embstore_find_space(const embstore_store* store,
                                               const embstore_split* split, const char* model,
                                               embstore_space** space, embstore_error** error);
EMBSTORE_API uint64_t embstore_space_id(const embstore_space* space);
EMBSTORE_API uint32_t embstore_space_dimensions(const embstore_space* space);
EMBSTORE_API const char* embstore_space_model(const embstore_space* space);
EMBSTORE_API const char* embstore_space_task_type(const embstore_space* space);  ///< "": none.
EMBSTORE_API const char* embstore_space_provider(const embstore_space* space);
EMBSTORE_API void embstore_space_free(embstore_space* space);

// --- Documents --------------------------------------------------------------------------------

typedef struct embstore_document embstore_document;

EMBSTORE_API embstore_code embstore_find_document(const embstore_store* store,
                                                  const embstore_split* split, embstore_string id,
                                                  embstore_document** document,
                                                  embstore_error** error);
EMBSTORE_API embstore_code embstore_document_at(const embstore_store* store,
                                                const embstore_split* split, uint64_t position,
                                                embstore_document** document,
                                                embstore_error** error);
EMBSTORE_API uint64_t embstore_document_position(const embstore_document* document);
EMBSTORE_API embstore_string embstore_document_id(const embstore_document* document);
EMBSTORE_API embstore_string embstore_document_label(const embstore_document* document);
/// Reads the text, which belongs to `document` then. NOT_FOUND: it was stored without.
EMBSTORE_API embstore_code embstore_document_text(const embstore_store* store,
                                                  embstore_document* document,
                                                  embstore_string* text, embstore_error** error);
EMBSTORE_API void embstore_document_free(embstore_document* document);

// --- Vectors ----------------------------------------------------------------------------------

/// The vector of one document, (D).
EMBSTORE_API embstore_code embstore_get_vector(const embstore_store* store,
                                               const embstore_space* space,
                                               const embstore_document* document, float* out,
                                               size_t out_size, embstore_error** error);

// The next three read `count` vectors, (count, D). found[i] is 1 if row i was there and 0 if not;
// such a row is left as it is. If `found` is NULL, NOT_FOUND unless all were there.

EMBSTORE_API embstore_code embstore_get_vectors(const embstore_store* store,
                                                const embstore_space* space,
                                                const embstore_split* split,
                                                const uint64_t* positions, size_t count, float* out,
                                                size_t out_size, uint8_t* found,
                                                embstore_error** error);

/// Of documents [first, first + count), read in one go: (0, documents) is the whole split.
EMBSTORE_API embstore_code embstore_get_range(const embstore_store* store,
                                              const embstore_space* space,
                                              const embstore_split* split, uint64_t first,
                                              size_t count, float* out, size_t out_size,
                                              uint8_t* found, embstore_error** error);

/// Of texts, whatever split they came with.
EMBSTORE_API embstore_code embstore_get_text_vectors(const embstore_store* store,
                                                     const embstore_space* space,
                                                     const embstore_string* texts, size_t count,
                                                     float* out, size_t out_size, uint8_t* found,
                                                     embstore_error** error);

/// Scales each row of (rows, D) to unit length; rows that are zero or not finite stay.
EMBSTORE_API embstore_code embstore_normalize(float* vectors, size_t rows, uint32_t dimensions,
                                              embstore_error** error);

// --- Search -----------------------------------------------------------------------------------

/// The vectors of a split or a space, made ready as they were.
typedef struct embstore_searcher embstore_searcher;

typedef struct embstore_searcher_options {
  size_t size;
  int keep_vectors;  ///< In memory, 4 * D bytes each; otherwise sketches of about D / 8.
  uint32_t threads;  ///< Of loading or one search, at most; 0: one for each core.
} embstore_searcher_options;

/// Hits are positions of the split's documents.
EMBSTORE_API embstore_code embstore_search_split(
    const embstore_store* store, const embstore_split* split, const embstore_space* space,
    const embstore_searcher_options* options, embstore_searcher** searcher, embstore_error** error);
/// Hits are positions in the order of the texts' hashes.
EMBSTORE_API embstore_code embstore_search_space(const embstore_store* store,
                                                 const embstore_space* space,
                                                 const embstore_searcher_options* options,
                                                 embstore_searcher** searcher,
                                                 embstore_error** error);
EMBSTORE_API uint64_t embstore_searcher_size(const embstore_searcher* searcher);
EMBSTORE_API uint32_t embstore_searcher_dimensions(const embstore_searcher* searcher);
EMBSTORE_API void embstore_searcher_free(embstore_searcher* searcher);

typedef struct embstore_hit {
  uint64_t position;
  float score;  ///< Cosine.
} embstore_hit;

typedef struct embstore_query_options {
  size_t size;
  uint32_t k;  ///< 0: 10.
  int exact;   ///< Compare with every vector; otherwise a neighbour may be missed now and then.
  uint32_t rescored;         ///< Candidates a query; 0: chosen by k.
  const float* min_score;    ///< NULL: none.
  const uint64_t* excluded;  ///< A position that is no answer. NULL: none.
  /// Whether a position may be an answer; NULL: all may. Called often, from several threads at
  /// once.
  int (*accept)(void* context, uint64_t position);
  void* context;
} embstore_query_options;

/// The nearest of each of `count` queries, (count, D), best first. `hits` has room for count * k:
/// those of query i begin at hits[i * k], and counts[i] says how many there are.
EMBSTORE_API embstore_code embstore_search(const embstore_searcher* searcher, const float* queries,
                                           size_t count, const embstore_query_options* options,
                                           embstore_hit* hits, size_t* counts,
                                           embstore_error** error);

// --- Ingest -----------------------------------------------------------------------------------

typedef struct embstore_provider embstore_provider;

typedef struct embstore_local_options {
  size_t size;
  uint64_t seed;        ///< 0: 42.
  uint32_t dimensions;  ///< 0: 768.
} embstore_local_options;

/// The built-in embedding: offline, free, the same everywhere.
EMBSTORE_API embstore_code embstore_local_provider(const embstore_local_options* options,
                                                   embstore_provider** provider,
                                                   embstore_error** error);

/// What a callback says beside the vectors; all zero when it is called.
typedef struct embstore_reply {
  size_t size;
  uint64_t tokens;          ///< Of the whole call; 0: not known.
  uint64_t retry_after_ms;  ///< With UNAVAILABLE and RATE_LIMITED; 0: not said.
  char message[256];        ///< Why it failed, NUL-terminated.
} embstore_reply;

typedef struct embstore_callbacks {
  size_t size;
  const char* name;       ///< Of the provider.
  const char* model;      ///< Model, dimensions and task type name the space.
  const char* task_type;  ///< NULL: none.
  uint32_t dimensions;
  uint32_t max_texts;    ///< In one call; 0: 100.
  uint32_t concurrency;  ///< Calls at once, each from a thread of its own; 0: 1.
  int free_of_charge;    ///< Otherwise each call is written down in the ledger before it is made.
  /// Writes the vectors of the texts to `out`, (count, D). One attempt; the codes mean what
  /// Provider::Embed of provider.h says.
  embstore_code (*embed)(void* context, const embstore_string* texts, size_t count, float* out,
                         embstore_reply* reply);
  void* context;
} embstore_callbacks;

/// A model of the caller. What `callbacks` points to is copied, `context` is kept.
EMBSTORE_API embstore_code embstore_callback_provider(const embstore_callbacks* callbacks,
                                                      embstore_provider** provider,
                                                      embstore_error** error);
EMBSTORE_API void embstore_provider_free(embstore_provider* provider);

typedef struct embstore_documents {
  size_t size;
  size_t count;
  const embstore_string* texts;   ///< (count), UTF-8 without NUL.
  const embstore_string* ids;     ///< (count), or NULL: positions.
  const embstore_string* labels;  ///< (count), each optional, or NULL: none.
} embstore_documents;

typedef struct embstore_progress {
  size_t size;
  uint64_t texts_done;
  uint64_t texts_total;
  uint64_t tokens;
  int64_t cost_nano_usd;
} embstore_progress;

typedef struct embstore_ingest_options {
  size_t size;
  const char* dataset_name;  ///< For the metadata. NULL: "".
  uint32_t batch_size;       ///< 0: the provider's bound.
  uint32_t concurrency;      ///< 0: what the provider suggests.
  int refresh;               ///< Embed again what is there already.
  int64_t price_micro_usd_per_million_tokens;
  int64_t max_cost_nano_usd;  ///< Of this run; 0: no limit.
  /// Both are called from the thread that called embstore_ingest. If `progress` answers anything
  /// but 0, the run stops with CANCELLED; what is in flight is kept.
  int (*progress)(void* context, const embstore_progress* progress);
  void (*warning)(void* context, const char* message);
  void* context;
} embstore_ingest_options;

/// unique_documents = cached + embedded + failed + skipped + not reached.
typedef struct embstore_ingest_report {
  size_t size;
  uint64_t documents;
  uint64_t unique_documents;
  uint64_t cached;
  uint64_t embedded;
  uint64_t failed;    ///< Refused by the provider, or lost with their batch.
  uint64_t skipped;   ///< Never sent: empty or too long.
  uint64_t in_doubt;  ///< Sent by calls whose answer was lost.
  uint64_t api_calls;
  uint64_t tokens;
  int64_t cost_nano_usd;
  int complete;  ///< Every document has a vector.
} embstore_ingest_report;

/// Makes `documents` the split `name` and embeds the texts that have no vector yet, each once.
/// `report` may be NULL; it is filled in as well when the run ended early, and what was embedded
/// by then is stored.
EMBSTORE_API embstore_code embstore_ingest(embstore_store* store, const char* name,
                                           const embstore_documents* documents,
                                           embstore_provider* provider,
                                           const embstore_ingest_options* options,
                                           embstore_ingest_report* report, embstore_error** error);

// --- Export -----------------------------------------------------------------------------------

typedef enum embstore_missing {
  EMBSTORE_MISSING_FAIL = 0,  ///< Write nothing.
  EMBSTORE_MISSING_SKIP = 1,  ///< Leave the row out.
  EMBSTORE_MISSING_NAN = 2    ///< A row of NaN.
} embstore_missing;

typedef struct embstore_export_options {
  size_t size;
  const char* output_dir;  ///< Must exist. NULL: the store's directory.
  int missing;             ///< An embstore_missing.
  uint32_t dimensions;     ///< Keep only the first so many; 0: all.
  int as_given;            ///< Do not scale rows to unit length.
  int verify;              ///< Read the finished files back and compare.
} embstore_export_options;

typedef struct embstore_export_report {
  size_t size;
  uint64_t rows;
  uint64_t missing;
  uint32_t dimensions;
  int unchanged;  ///< The files were there already and were left alone.
} embstore_export_report;

/// Writes NAME_embeddings.npy and the files that belong to it; see export.h. `report` may be NULL.
EMBSTORE_API embstore_code embstore_export(const embstore_store* store, const char* name,
                                           const embstore_space* space,
                                           const embstore_export_options* options,
                                           embstore_export_report* report, embstore_error** error);

#ifdef __cplusplus
}  // extern "C"
#endif
