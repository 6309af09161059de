// SPDX-License-Identifier: Apache-2.0
// The functions of libcurl as a table. A program is linked with libcurl (linked_curl.cc), or loads
// it when a server is about to be asked (lazy_curl.cc).
#pragma once

#include <curl/curl.h>

#include "embstore/status.h"

/// Calls X(NAME) for each curl_NAME that the engine calls.
#define EMBSTORE_CURL_FUNCTIONS(X) \
  X(easy_cleanup)                  \
  X(easy_escape)                   \
  X(easy_init)                     \
  X(easy_reset)                    \
  X(easy_setopt)                   \
  X(easy_strerror)                 \
  X(free)                          \
  X(getdate)                       \
  X(global_init)                   \
  X(multi_add_handle)              \
  X(multi_cleanup)                 \
  X(multi_info_read)               \
  X(multi_init)                    \
  X(multi_perform)                 \
  X(multi_poll)                    \
  X(multi_remove_handle)           \
  X(multi_setopt)                  \
  X(multi_wakeup)                  \
  X(slist_append)                  \
  X(slist_free_all)                \
  X(url)                           \
  X(url_cleanup)                   \
  X(url_get)                       \
  X(url_set)                       \
  X(url_strerror)

namespace embstore {

struct CurlFunctions {
#define EMBSTORE_MEMBER(name) decltype(&curl_##name) name;
  EMBSTORE_CURL_FUNCTIONS(EMBSTORE_MEMBER)
#undef EMBSTORE_MEMBER
};

/// Must succeed before anything else in this directory is used; costs nothing the next time. From
/// any thread. kInternal: libcurl is not there, or lacks a function.
Status LoadCurl();

/// Once loaded, from any thread.
const CurlFunctions& Curl();

}  // namespace embstore
