# SPDX-License-Identifier: Apache-2.0
"""The workloads, in the order in which they run. Each has `NAMES` and `run(bench)`."""

from workloads import (  # noqa: F401
    life, command, over_http, duplicates, crash, edit, damage, hostile, search, lookup, quota)

ALL = (life, command, over_http, lookup, search, duplicates, crash, edit, damage, hostile, quota)
