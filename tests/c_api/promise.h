// SPDX-License-Identifier: Apache-2.0
// A test of the C interface is a sentence and a function; each gets a store directory of its own.
#pragma once

#include <stdio.h>
#include <string.h>

#include "embstore/embstore.h"

#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) Failed(__FILE__, __LINE__, #condition); \
  } while (0)

/// A call that must answer `expected`; shows the message if it does not. The call has `&error`.
#define CHECK_CODE(expected, call)                                  \
  do {                                                              \
    embstore_error* error = NULL;                                   \
    CheckCode(__FILE__, __LINE__, #call, expected, (call), &error); \
  } while (0)

void Promise(const char* sentence, void (*body)(const char* directory));
void Failed(const char* file, int line, const char* what);
void CheckCode(const char* file, int line, const char* call, embstore_code expected,
               embstore_code actual, embstore_error** error);

/// A string of the caller's as the interface wants it.
embstore_string Str(const char* text);
int Same(embstore_string string, const char* text);

/// What most tests need. Freed by Close.
typedef struct Opened {
  embstore_store* store;
  embstore_split* split;
  embstore_space* space;
} Opened;

#define DIMENSIONS 3

/// A model that counts: length, vowels, 1. `context`, if not NULL, is an int of texts it has seen.
embstore_code CountLetters(void* context, const embstore_string* texts, size_t count, float* out,
                           embstore_reply* reply);
embstore_provider* MakeCounter(const char* model, int* seen);

/// A store with the split "fruit": ids a..d, texts apple, fig, kiwi, apple, labels 1, none, 3, 4.
Opened OpenFruit(const char* directory);
void Close(Opened* opened);

void MisusePromises(void);
void ReadingPromises(void);
void IngestPromises(void);
