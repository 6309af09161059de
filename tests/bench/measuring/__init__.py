# SPDX-License-Identifier: Apache-2.0
"""What tests/bench/run measures with: the data, the free embedder, processes, tables, the picture."""
