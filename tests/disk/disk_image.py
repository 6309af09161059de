# SPDX-License-Identifier: Apache-2.0
"""What a disk holds after power loss, by the log of failing_disk.cc.

A disk that honours fsync keeps what was synced: the bytes of a file up to its last sync, the names
of a directory up to the directory's last sync. Of everything else it may keep any part."""

import os

import disk_log

PAGE = 4096
SECTOR = 512


class File:
    """An inode of a regular file."""

    def __init__(self, content=b""):
        self.content = bytearray(content)
        self.durable = bytes(content)
        self.last_write = None  # (offset, bytes), until the next sync.

    def write(self, at, data):
        if at > len(self.content):
            self.content += bytes(at - len(self.content))
        self.content[at:at + len(data)] = data
        self.last_write = (at, len(data))

    def truncate(self, size):
        if size == len(self.content):
            return
        if size < len(self.content):
            del self.content[size:]
        self.content += bytes(size - len(self.content))
        self.last_write = None

    def sync(self):
        self.durable = bytes(self.content)
        self.last_write = None


class Directory:
    """An inode of a directory: its names as programs see them, and as of its last sync."""

    def __init__(self):
        self.entries = {}
        self.durable = {}

    def sync(self):
        self.durable = dict(self.entries)


class Disk:
    """Follows a log. `root`: what the directory held before, all of it durable."""

    def __init__(self, root=None):
        self.root = Directory()
        self._handles = {}
        self._pending = []  # (directories, change) of names, in order, that no sync covers.
        if root is not None:
            self._load(root, self.root)

    def _load(self, path, directory):
        for entry in os.scandir(path):
            if entry.is_dir(follow_symlinks=False):
                directory.entries[entry.name] = Directory()
                self._load(entry.path, directory.entries[entry.name])
            elif entry.is_file(follow_symlinks=False):
                with open(entry.path, "rb") as file:
                    directory.entries[entry.name] = File(file.read())
        directory.sync()

    def _find(self, path):
        """The directory of a path, and the last name of it."""
        *parts, name = path.split("/")
        directory = self.root
        for part in parts:
            directory = directory.entries[part]
        return directory, name

    def _change(self, *changes):
        """Changes names at once: (directory, name, inode or None to remove it)."""
        for directory, name, inode in changes:
            apply(directory.entries, name, inode)
        self._pending.append(changes)

    def step(self, entry):
        kind, data = entry.kind, entry.data.decode() if entry.kind in "orlumd" else entry.data
        if kind == disk_log.OPEN:
            self._open(entry, data)
        elif kind == disk_log.WRITE:
            self._handles[entry.number].write(entry.at, data)
        elif kind == disk_log.TRUNCATE:
            self._handles[entry.number].truncate(entry.at)
        elif kind == disk_log.SYNC:
            inode = self._handles[entry.number]
            inode.sync()
            if isinstance(inode, Directory):
                self._forget_pending(inode)
        elif kind in (disk_log.RENAME, disk_log.LINK):
            (old, old_name), (new, new_name) = map(self._find, data.split("\0"))
            changes = [(new, new_name, old.entries[old_name])]
            if kind == disk_log.RENAME:
                changes.append((old, old_name, None))
            self._change(*changes)
        elif kind == disk_log.MAKE_DIRECTORY:
            directory, name = self._find(data)
            self._change((directory, name, Directory()))
        elif kind in (disk_log.UNLINK, disk_log.REMOVE_DIRECTORY):
            directory, name = self._find(data)
            self._change((directory, name, None))

    def _open(self, entry, path):
        if path == "":
            self._handles[entry.number] = self.root
            return
        directory, name = self._find(path)
        if name not in directory.entries:
            self._change((directory, name, File()))
        self._handles[entry.number] = directory.entries[name]
        if entry.at == 1:
            self._handles[entry.number].truncate(0)

    def _forget_pending(self, directory):
        """A synced directory has its names; a rename from another one is durable in both."""
        left = []
        for changes in self._pending:
            if any(changed is directory for changed, _, _ in changes):
                for changed, name, inode in changes:
                    if changed is not directory:
                        apply(changed.durable, name, inode)
            else:
                left.append(changes)
        self._pending = left

    def build(self, target, variant, random):
        """Writes an image to a new directory. Variants: "strict" keeps what was synced; "whole"
        keeps everything; "torn" everything but the end of each file's last write; "pages" any
        subset of the pages that were not synced and of the changes of names; "journal" such pages
        and the first so many changes of names."""
        tables = {}
        kept = self._kept_changes(variant, random)

        def table_of(directory):
            return tables.setdefault(id(directory), dict(directory.durable))
        for changes in kept:
            for directory, name, inode in changes:
                apply(table_of(directory), name, inode)

        def fill(directory, path):
            path.mkdir()
            for name, inode in table_of(directory).items():
                if isinstance(inode, Directory):
                    fill(inode, path / name)
                else:
                    (path / name).write_bytes(content_after(inode, variant, random))
        fill(self.root, target)

    def _kept_changes(self, variant, random):
        if variant == "strict":
            return []
        if variant in ("whole", "torn"):
            return self._pending
        if variant == "journal":
            return self._pending[:random.randint(0, len(self._pending))]
        return [changes for changes in self._pending if random.random() < 0.5]


def apply(table, name, inode):
    if inode is None:
        table.pop(name, None)
    else:
        table[name] = inode


VARIANTS = ("strict", "torn", "pages", "journal", "whole")


def content_after(file, variant, random):
    if variant == "strict":
        return file.durable
    if variant == "whole" or bytes(file.content) == file.durable:
        return bytes(file.content)
    if variant == "torn":
        if file.last_write is None:
            return bytes(file.content)
        return torn(file, random)
    return some_pages(file, random)


def torn(file, random):
    """All but the end of the last write, which stops at some byte or sector."""
    at, length = file.last_write
    kept = random.randrange(length) if length else 0
    if random.random() < 0.5:
        kept -= (at + kept) % SECTOR
    end = at + max(kept, 0)
    old = file.durable[end:at + length]  # What was overwritten, where it was durable.
    rest = bytes(file.content[at + length:])
    return bytes(file.content[:end]) + (old if not rest else old.ljust(at + length - end, b"\0")) \
        + rest


def some_pages(file, random):
    """Any subset of the pages that differ. The file is as long as the last page that was kept, or
    as long as it should be, with zeros in the place of what is lost."""
    size = max(len(file.content), len(file.durable))
    pages = [at for at in range(0, size, PAGE)
             if file.content[at:at + PAGE] != file.durable[at:at + PAGE]]
    kept = [at for at in pages if random.random() < 0.5]
    image = bytearray(file.durable)
    for at in kept:
        page = file.content[at:at + PAGE]
        if at + len(page) > len(image):
            image += bytes(at + len(page) - len(image))
        image[at:at + len(page)] = page
    if len(file.content) > len(image) and random.random() < 0.5:
        image += bytes(len(file.content) - len(image))
    if len(file.content) < len(file.durable) and random.random() < 0.5:
        del image[len(file.content):]
    return bytes(image)
