# SPDX-License-Identifier: Apache-2.0
"""Arguments that make no sense are named by an error of the package."""

import sys
import unittest

import embstore
from support import Model, StoreCase


class Arguments(StoreCase):

    def test_numbers_that_make_no_sense_are_refused_by_name(self):
        store = self.writer()
        for name, values in {"batch_size": (-1, 2**40, "x", 1.5), "limit": (-1, "x"),
                             "concurrency": (-1, 2**40), "max_retries": (-1, None),
                             "retry_wait": (-1, "x", float("nan"), float("inf")),
                             "max_cost": ("abc", -1, float("nan"), True)}.items():
            for value in values:
                with self.subTest(name, value=value):
                    with self.assertRaisesRegex(embstore.InvalidArgument, f"^{name} is ") as raised:
                        store.ingest("s", ["a"], Model().provider(), **{name: value})
                    self.assertNotIn("\n", str(raised.exception))
        with self.assertRaisesRegex(embstore.InvalidArgument, "^limit is "):
            store.plan("s", ["a"], Model().provider(), limit=-1)
        self.assertEqual(store.splits, [])
        self.assertTrue(store.ingest("s", ["a"], Model().provider(), limit=sys.maxsize).complete)

    def test_a_provider_that_makes_no_sense_is_refused_at_once(self):
        for name, value in (("dimensions", 0), ("dimensions", -1), ("dimensions", "x"),
                            ("batch_size", -1), ("concurrency", -1), ("price", "abc"),
                            ("price", -1)):
            with self.subTest(name, value=value):
                with self.assertRaisesRegex(embstore.InvalidArgument, f"^{name} is "):
                    Model().provider(**{name: value})
        for make in (embstore.local, lambda **more: embstore.gemini(api_key="a-key", **more),
                     lambda **more: embstore.openai(api_key="a-key", **more)):
            with self.assertRaises(embstore.InvalidArgument):
                make(dimensions=-1)


if __name__ == "__main__":
    unittest.main()
