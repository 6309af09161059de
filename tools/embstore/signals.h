// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and friends.
#pragma once

#include "embstore/clock.h"

namespace embstore::tool {

/// A file size limit becomes a plain write error. Call first of all.
void IgnoreFileSizeSignal();

/// SIGINT and SIGTERM set the flag: what is in flight is finished and stored. The second one ends
/// the process at once, which the store survives. SIGPIPE and SIGHUP become plain errors.
/// Call once, before any thread.
const StopFlag& InstallSignalHandlers();

/// No core file and no debugger access: memory holds the API key.
void ProtectMemory();

}  // namespace embstore::tool
