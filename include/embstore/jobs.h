// SPDX-License-Identifier: Apache-2.0
// Batch jobs apart from a run of ingest: collect what is ready, cancel, give up, accept.
#pragma once

#include <cstdint>

#include "embstore/ingest.h"
#include "embstore/provider.h"
#include "embstore/status.h"
#include "embstore/store.h"
#include "embstore/visibility.h"

namespace embstore {

struct CollectReport {
  std::uint64_t collected = 0;    ///< Jobs that were settled.
  std::uint64_t stored = 0;       ///< Texts.
  std::uint64_t failed = 0;       ///< Texts without a vector; the next ingest sends them again.
  std::uint64_t quarantined = 0;  ///< Jobs set aside now.
  std::uint64_t open = 0;         ///< Jobs that are still under way.
};

/// Takes the jobs of the provider's space on: finds those whose creation got no answer, collects
/// what is ready. With `options.batch.wait` until all are settled, or `options.stop` is set. Sends
/// no new texts. Of `options` counts: batch, retry, check_pairing, stop, observer, clock.
/// An error leaves the jobs as they are.
EMBSTORE_API Result<CollectReport> CollectJobs(Store* store, Provider* provider,
                                               const IngestOptions& options);

/// Stops a job: one that the server does not have yet ends here, another one is asked for on the
/// server and collected, with what it delivered, once it has ended there.
/// kNotFound: no open job with this id. kInvalidArgument: it cannot be cancelled (any more).
EMBSTORE_API Status CancelJob(Store* store, Provider* provider, std::uint64_t id);

/// Gives a job or a quarantined answer up: its texts are missing again, and what it may have cost
/// is in doubt. kNotFound: no open one with this id.
EMBSTORE_API Status AbandonJob(Store* store, std::uint64_t id);

/// Stores what a quarantined job or answer brought in spite of the checks: whatever has a known key
/// and a vector of the right size. Answers how many texts. Needs the provider to read a job's file.
/// kNotFound: no quarantined one with this id.
EMBSTORE_API Result<std::uint64_t> AcceptJob(Store* store, Provider* provider, std::uint64_t id);

}  // namespace embstore
