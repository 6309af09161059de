// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and friends.
#pragma once

#include "embstore/clock.h"

namespace embstore::tool {

/// SIGINT and SIGTERM set the flag: what is in flight is finished and stored. The second one ends
/// the process at once, which the store survives. SIGPIPE, SIGHUP and SIGXFSZ become plain errors.
/// Call once, before any thread.
const StopFlag& InstallSignalHandlers();

/// No core file and no debugger access: memory holds the API key.
void ProtectMemory();

}  // namespace embstore::tool
