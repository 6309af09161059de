// SPDX-License-Identifier: Apache-2.0
#include <ostream>

#include "embstore/provider.h"

void Show(std::ostream& out, const embstore::Secret& secret) {
#ifdef MISTAKE
  out << secret;
#else
  out << secret.empty();
#endif
}
