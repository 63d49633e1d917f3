"""Files in archives, byte for byte the same for the same input: sorted, with one time, and with owners that are numbers.

Comes in: a tree, which maps each path to its file. Goes out: a tar, a gzip member, an ar archive. Never reads a clock and never asks who is signed in.
"""

import gzip
import io
import lzma
import tarfile
from dataclasses import dataclass
from pathlib import Path

PROGRAM, PLAIN, PRIVATE = 0o755, 0o644, 0o600


@dataclass(frozen=True)
class File:
    """`content`: bytes, or the path of a file that is too large to be held twice. `owner`: a number for user and group."""

    content: bytes | Path
    mode: int = PLAIN
    owner: int = 0

    def read(self):
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


@dataclass(frozen=True)
class Folder:
    """One that has to be there, or to have another mode or owner than others."""

    mode: int = 0o755
    owner: int = 0


@dataclass(frozen=True)
class Link:
    target: str


def tar(tree, epoch, prefix=""):
    """The bytes of a tar with the folders above each path. `prefix` comes before each path, such as `./`."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, thing in sorted(with_parents(tree).items()):
            entry = tarfile.TarInfo(prefix + path)
            entry.mtime = epoch
            if isinstance(thing, Folder):
                entry.type, entry.mode = tarfile.DIRTYPE, thing.mode
                entry.uid = entry.gid = thing.owner
                archive.addfile(entry)
            elif isinstance(thing, Link):
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, thing.target, 0o777
                archive.addfile(entry)
            else:
                content = thing.read()
                entry.size, entry.mode = len(content), thing.mode
                entry.uid = entry.gid = thing.owner
                archive.addfile(entry, io.BytesIO(content))
    return held.getvalue()


def with_parents(tree):
    """The tree with every folder above its paths."""
    parents = {str(parent) for path in tree for parent in Path(path).parents if str(parent) != "."}
    return {parent: Folder() for parent in parents} | tree


def zipped(content, fast):
    """One gzip member without a name and a time."""
    return gzip.compress(content, compresslevel=0 if fast else 9, mtime=0)


def squeezed(content):
    return lzma.compress(content, preset=6)


def ar(members, epoch):
    """The archive that a Debian package is. `members`: pairs of a name and bytes, in their order."""
    parts = [b"!<arch>\n"]
    for name, content in members:
        parts.append(f"{name:<16}{epoch:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
        parts.append(content + b"\n" * (len(content) % 2))
    return b"".join(parts)
