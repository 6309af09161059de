// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "embstore/provider.h"

void Use(const embstore::Secret& secret);

void Caller(const std::string& key) {
#ifdef MISTAKE
  Use(key);
#else
  Use(embstore::Secret(key));
#endif
}
