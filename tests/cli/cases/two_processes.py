# SPDX-License-Identifier: Apache-2.0
"""A round of each kind of the campaign of two processes."""

import harness
from two_processes import ROUNDS, TwoProcesses


def case_of(name):
    def body(t):
        ROUNDS[name](TwoProcesses(t, documents=120, latency_ms=150))

    body.__name__ = ROUNDS[name].__name__
    return body


for kind in ROUNDS:
    harness.case(case_of(kind))
