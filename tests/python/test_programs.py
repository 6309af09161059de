# SPDX-License-Identifier: Apache-2.0
"""The example and the documentation's Python, run as they stand."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from support import PROJECT, SAMPLE, SECONDS

AG_NEWS = pathlib.Path(os.environ.get("EMBSTORE_AG_NEWS", PROJECT.parent / "shared/data"))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run(*command, cwd=None):
    result = subprocess.run([sys.executable, "-B", *map(str, command)], capture_output=True,
                            text=True, timeout=SECONDS, cwd=cwd)
    if result.returncode != 0:
        raise AssertionError(result.stdout + result.stderr)
    return result.stdout


@unittest.skipIf(importlib.util.find_spec("sklearn") is None, "scikit-learn is not installed here")
class Example(unittest.TestCase):

    def purity(self, *arguments):
        output = run(PROJECT / "tests/example/cluster_ag_news.py", *arguments)
        return float(re.search(r"purity ([0-9.]+)", output)[1])

    def test_it_clusters_the_sample(self):
        self.assertGreater(self.purity(SAMPLE), 0.3)

    @unittest.skipUnless((AG_NEWS / "ag_news/test.csv").exists(), "AG News is not here")
    def test_it_clusters_ag_news_by_its_vectors(self):
        purity = self.purity(AG_NEWS / "ag_news/test.csv",
                             "--vectors", AG_NEWS / "vectors/ag_test_use512.f16")
        self.assertGreater(purity, 0.75)


class Documentation(unittest.TestCase):

    def run_blocks(self, page):
        """From the first that imports embstore on, as one program, in a scratch directory."""
        blocks = BLOCK.findall((PROJECT / page).read_text(encoding="utf-8"))
        while "import embstore" not in blocks[0]:
            blocks.pop(0)
        with tempfile.TemporaryDirectory() as scratch:
            pathlib.Path(scratch, "sample.csv").symlink_to(SAMPLE)
            run("-c", "\n".join(blocks), cwd=scratch)

    def test_the_python_page(self):
        self.run_blocks("docs/python.md")

    def test_the_readme(self):
        self.run_blocks("README.md")


if __name__ == "__main__":
    unittest.main()
