// SPDX-License-Identifier: Apache-2.0
#include "embstore/status.h"

embstore::Result<int> Try();

int Caller() {
#ifdef MISTAKE
  Try();
  return 0;
#else
  const embstore::Result<int> result = Try();
  return result.ok() ? *result : 0;
#endif
}
