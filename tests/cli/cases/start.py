# SPDX-License-Identifier: Apache-2.0
"""What the program loads when it starts, for that is most of the time that a short command takes."""

import paid
from harness import Skipped, case, check, contains, equal


def lazily_loaded(t):
    """The name of libcurl's file."""
    if t.tools.lazy_curl is None:
        raise Skipped("--lazy-curl does not name the file: this build is linked with libcurl")
    return t.tools.lazy_curl


@case
def libcurl_is_loaded_only_when_a_server_may_be_asked(t):
    name = lazily_loaded(t)
    t.sample(20)
    shown = {"env": {"LD_DEBUG": "libs"}}  # What the dynamic linker looks for, on standard error.
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv", **shown).expect(0)
    for words in (["--version"], ["get", "train", "5"], ["similar", "train", "5"], ["status"],
                  ["export", "train"], ["verify"], ["gc"],
                  ["ingest", "train", "--provider", "local", "--input", "sample.csv"]):
        result = t.run(*words, **shown).expect(0)
        equal(("libstdc++" in result.err, name in result.err), (True, False), str(words))
    plan = t.run("plan", "train", "--input", "sample.csv", **shown).expect(0)
    check(name in plan.err, "a provider that asks a server came without libcurl")


@case
def without_libcurl_nothing_is_sent_and_the_rest_works(t):
    t.sample(20)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    server = t.simulator()
    t.write("none/" + lazily_loaded(t), "this is no library")
    without = {"env": {"LD_LIBRARY_PATH": str(t.dir / "none")}}
    for mode in ("sync", "batch"):
        result = t.run(*paid.words(server, mode=mode), key=paid.KEY, **without).expect(1)
        contains(result.err, "libcurl cannot be loaded: ", "nothing was sent", "Install it")
        equal(result.json()["error"]["code"], "internal error", "code")
    equal(server.stop(), 0, "calls")
    t.run("get", "train", "5", **without).expect(0)
    # Which of two models is meant, a configuration for Gemini would tell.
    t.run("ingest", "train", "--provider", "local", "--dimensions", 64, "--input",
          "sample.csv").expect(0)
    contains(t.run("get", "train", "5", **without).expect(1).err, "libcurl cannot be loaded: ")
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv",
          **without).expect(0)
