# SPDX-License-Identifier: Apache-2.0
"""The cases that are made of the catalogue."""

import dataclasses

from . import catalogue, meaning
from . import replies as r


@dataclasses.dataclass
class Case:
    target: str  # gemini, openai, or the call of a job.
    name: str
    expected: str
    fault: object = None
    words: tuple = ()
    simulator: tuple = ()  # Faults of the simulator's own.
    simulator_flags: tuple = ()
    strikes: object = None  # (kind, number) -> bool; else the second request, or the first call.
    concurrency: int = 1
    batch: int = 10  # Texts in a call or job.
    certificate: str = ""  # Of a server under TLS.
    version: object = None
    greet: object = None  # What happens to the first handshake.
    nobody: bool = False  # No server at all.
    quick: bool = True
    seconds: float = 0  # After so long the run is interrupted.

    def full_name(self):
        return f"{self.target}: {self.name}"


def calls_cases():
    for target in ("gemini", "openai"):
        for name, fault, by_call, _, _, words in catalogue.ANSWERS:
            first, _, own = by_call.partition("/")
            yield Case(target, name, own if own and target == "openai" else first, fault, (words,),
                       quick=target == "gemini" or own != "")
        own = catalogue.GEMINI if target == "gemini" else catalogue.OPENAI
        for name, fault, expected, words in catalogue.VECTORS + own:
            # Ten texts are too few to see that vectors are not theirs.
            yield Case(target, name, expected, fault, (words,),
                       batch=100 if expected == "held" else 10)
        yield Case(target, "the answer to an earlier request", "held", meaning.Replay(),
                   ("do not fit",), strikes=lambda kind, number: kind == "embed" and number < 3,
                   batch=100)
        yield Case(target, "two answers for each other's requests", "unseen", meaning.Swap(),
                   strikes=lambda kind, number: kind == "embed" and number < 3,
                   concurrency=2, batch=100)
        yield Case(target, "nobody listens", "unsent 1", nobody=True, words=("was not sent",))
        for code in (301, 302, 303, 307, 308):
            for place in ("http://127.0.0.1:TRAP/", "file:///etc/passwd"):
                yield Case(target, f"{code} to {place.partition('://')[0]}", "ends 2",
                           r.redirect(code, place), ("redirects are not followed",),
                           quick=target == "gemini")
        for header in ("99999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "-5", "soon"):
            yield Case(target, f"429, Retry-After: {header}", "waits", r.too_many(header=header),
                       seconds=0.2)
        yield Case(target, "429, and no word on how long", "waits", r.error_status(429),
                   seconds=0.2)
        for name, expected, words in catalogue.SIMULATED_CALLS:
            if target in name:
                fault = name.partition(": ")[2]
                yield Case(target, fault, expected, simulator=(fault,), words=(words,))
        for name, certificate, version, greet, expected, words in catalogue.TLS:
            yield Case(target, "TLS: " + name, expected, certificate=certificate, version=version,
                       greet=greet, words=(words,), quick=target == "openai")
        for name, fault, expected in catalogue.IN_TLS:
            yield Case(target, "TLS: " + name, expected, fault, certificate="good",
                       quick=target == "openai")


def job_cases():
    for row, (name, fault, _, creation, free, _) in enumerate(catalogue.ANSWERS):
        for column, call in enumerate(catalogue.CALLS):
            expected = catalogue.OWN.get((call, name), creation if call == "create" else free)
            if call == "files" and expected.startswith("ends"):
                expected = "again"  # Files are only tidied up, and expire by themselves.
            if not expected:
                continue
            # In the quick version each fault meets one call or none.
            yield Case(call, name, expected, fault, quick=(row + 2 * column) % 14 == 0)
    for target, name, fault, expected, words in catalogue.JOBS:
        made = fault() if isinstance(fault, type) else fault
        if expected == "held":  # The file is fetched once more, and is as bad.
            yield Case(target, name + ", each time", "both held", fault, (words,),
                       strikes=lambda kind, number: kind == "download")
            expected = "again"
        yield Case(target, name, expected, made, (words,), strikes=catalogue.STRIKES.get(name))


def all_cases():
    yield from calls_cases()
    yield from job_cases()
    yield from simulated_cases()


def simulated_cases():
    """Those that change what a job is or delivers, and what the server bills."""
    for name, expected in catalogue.SIMULATED:
        faults = [fault if ":" in fault else fault + ":count=1" for fault in name.split(", ")
                  if fault != "partial-results"]
        flags = ("--partial-results",) if "partial-results" in name else ()
        yield Case("job", name, expected, simulator=tuple(faults), simulator_flags=flags,
                   batch=100 if name == "rotate-rows" else 10)
