#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the harness makes of what it measured."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True  # The source tree may be read-only.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from measuring.results import Results


def measured(**walls):
    results = Results({})
    results.workload("W", "a workload")
    for system, values in walls.items():
        for wall in values:
            results.add("W", system, wall=wall)
    return results


class RatiosTest(unittest.TestCase):
    def test_a_ratio_is_of_the_same_rounds_when_the_machine_grows_slower(self):
        results = measured(embstore=[1.0, 2.0, 4.0], rival=[4.0, 8.0, 16.0])
        self.assertEqual(results.in_turn("W", "embstore", "rival", "wall"), (0.25, 2.0, 8.0, 3))

    def test_rounds_that_only_one_took_part_in_do_not_count(self):
        results = measured(embstore=[1.0, 6.0, 6.0], rival=[10.0])
        self.assertEqual(results.in_turn("W", "embstore", "rival", "wall"), (0.1, 1.0, 10.0, 1))
        self.assertEqual(results.in_turn("W", "rival", "embstore", "wall"), (10.0, 10.0, 1.0, 1))

    def test_the_ratio_is_the_median_of_ratios_and_not_the_ratio_of_medians(self):
        results = measured(embstore=[1.0, 9.0, 2.0], rival=[10.0, 10.0, 4.0])
        self.assertEqual(results.in_turn("W", "embstore", "rival", "wall")[0], 0.5)

    def test_what_was_not_measured_has_no_ratio(self):
        results = measured(embstore=[1.0])
        self.assertIsNone(results.in_turn("W", "embstore", "rival", "wall"))
        self.assertIsNone(results.in_turn("W", "embstore", "embstore", "cpu"))
        self.assertIsNone(results.in_turn("none", "embstore", "rival", "wall"))


if __name__ == "__main__":
    unittest.main()
