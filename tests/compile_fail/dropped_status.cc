// SPDX-License-Identifier: Apache-2.0
#include "embstore/status.h"

embstore::Status Try();

void Caller() {
#ifdef MISTAKE
  Try();
#else
  Try().IgnoreError();
#endif
}
