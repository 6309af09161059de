# SPDX-License-Identifier: Apache-2.0
"""What a process asked of the system, in order, as strace wrote it down."""

import codecs
import os
import re

CALLS = ("open,openat,creat,write,writev,pwrite64,pwritev,fsync,fdatasync,ftruncate,"
         "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,"
         "sendto,sendmsg,exit_group")
# Whole strings, so that a request and what the ledger says of it can be compared.
STRING_BYTES = 4 << 20

LINE = re.compile(r"^(\d+) +(\d+\.\d+) (.*)$")
CALL = re.compile(r"^(\w+)\((.*)$", re.DOTALL)
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$", re.DOTALL)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
DESCRIPTOR = re.compile(r"(?:AT_FDCWD|\d+)<(.*?)>(?:\(deleted\))?(?=[,) ]|$)")
RESULT = re.compile(r"\) += (-?\d+|\?)(?:<(.*)>(?:\(deleted\))?)?( [A-Z]+ .*)?$", re.DOTALL)

SENDS = {"sendto", "sendmsg"}
WRITES = {"write", "writev", "pwrite64", "pwritev"}
SYNCS = {"fsync", "fdatasync"}
RENAMES = {"rename", "renameat", "renameat2"}
UNLINKS = {"unlink", "unlinkat"}
OPENS = {"open", "openat", "creat"}


class Unreadable(Exception):
    """The kernel does not show this user the memory of the traced process."""


class Event:
    """One call. `start` and `end` are places in the order of all: others may lie between."""

    def __init__(self, name, start, end=None, path="", target="", data=b"", flags="", result=0,
                 offset=None):
        self.name = name
        self.start = start
        self.end = start if end is None else end
        self.path = path  # Of the descriptor, or the first name.
        self.target = target  # The second name of a rename.
        self.data = data
        self.flags = flags
        self.result = result
        self.offset = offset  # Where a pwrite64 writes to.

    def copy(self, **changes):
        other = Event.__new__(Event)
        other.__dict__.update(self.__dict__)
        other.__dict__.update(changes)
        return other

    def __repr__(self):
        size = f", {len(self.data)} bytes" if self.data else ""
        return f"{self.name}({self.path}{' -> ' + self.target if self.target else ''}{size})"


def text_bytes(text):
    """The bytes of a string as strace writes them."""
    return codecs.escape_decode(text.encode("latin-1"))[0]


def absolute(directory, name):
    return os.path.normpath(os.path.join(directory, name))


def parse_call(name, rest, start, end, cwd):
    """One call from its arguments and its result; None when it failed."""
    result = RESULT.search(rest)
    if result is None and name != "exit_group":
        raise ValueError(f"cannot read the result of {name}({rest[-200:]}")
    code = int(result[1]) if result and result[1] != "?" else 0
    if code < 0:
        return None
    arguments = rest[:result.start()] if result else rest
    quoted = STRING.findall(arguments)
    event = Event(name, start, end, result=code)
    if name in RENAMES | UNLINKS | OPENS or name.startswith(("mkdir", "rmdir")):
        names = [absolute(cwd, text_bytes(one).decode("utf-8", "replace")) for one in quoted]
        if not names:
            raise Unreadable(arguments)
        event.path, event.target = names[0], names[1] if len(names) > 1 else ""
        event.flags = STRING.sub("", arguments)
        return event
    descriptor = DESCRIPTOR.search(arguments)
    event.path = descriptor[1] if descriptor else ""
    if name in SENDS | WRITES:
        if not quoted and code > 0:
            raise Unreadable(arguments[:200])
        event.data = b"".join(map(text_bytes, quoted))[:code]
        if len(event.data) != code:
            raise ValueError(f"{name} of {code} bytes to {event.path}: saw {len(event.data)}")
    if name == "pwrite64":
        event.offset = int(arguments.rsplit(",", 1)[1])
    return event


def parse(lines, cwd):
    """The successful calls of a trace of all threads, in the order in which they began."""
    events, unfinished = [], {}
    for number, line in enumerate(lines):
        match = LINE.match(line.rstrip("\n"))
        if not match or match[3].startswith(("---", "+++")):
            continue
        thread, words = match[1], match[3]
        if words.endswith("<unfinished ...>"):
            begun = CALL.match(words[:-len("<unfinished ...>")])
            unfinished[thread] = (begun[1], begun[2], number)
            continue
        resumed = RESUMED.match(words)
        if resumed:
            name, before, start = unfinished.pop(thread)
            event = parse_call(name, before + resumed[2], start, number, cwd)
        else:
            call = CALL.match(words)
            event = parse_call(call[1], call[2], number, number, cwd)
        if event is not None:
            events.append(event)
    # A call that never came back was made all the same; only an exit is like that.
    events += [Event(name, start) for name, _, start in unfinished.values()
               if name == "exit_group"]
    return sorted(events, key=lambda event: event.start)
