// SPDX-License-Identifier: Apache-2.0
#include "embstore/identity.h"

void Use(const embstore::Fingerprint& fingerprint);

void Caller(const embstore::TextKey& key) {
#ifdef MISTAKE
  Use(key.hash);
#else
  Use(key.fingerprint);
#endif
}
