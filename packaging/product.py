"""What every package is made of: the binary, what the binary itself writes (pages of the manual, completions, its configuration), and texts.

The binary is stripped here: symbols are half of a debug build, and no package carries them.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from archives import PROGRAM, File

ROOT = Path(__file__).resolve().parent.parent
NAME = "insightgate"
SUMMARY = "Programmatic access to partner analytics: a self-hosted server that speaks the Partner Center Insights API"
# As each world of packages names an architecture.
ARCHITECTURES = {
    "x86_64-unknown-linux-gnu": {"wheel": "x86_64", "npm": "x64", "deb": "amd64"},
    "aarch64-unknown-linux-gnu": {"wheel": "aarch64", "npm": "arm64", "deb": "arm64"},
}
# Where each shell looks, below a prefix.
COMPLETIONS = {
    "bash": "share/bash-completion/completions/insightgate",
    "zsh": "share/zsh/vendor-completions/_insightgate",
    "fish": "share/fish/vendor_completions.d/insightgate.fish",
}


def ran(*command, **more):
    """What a command prints. Variables of a server on this machine mean nothing here."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INSIGHTGATE_")}
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, **more).stdout


def changed(text, changes):
    """The text with whole lines replaced, each of which has to be there once."""
    for before, after in changes.items():
        if text.count(f"\n{before}\n") != 1:
            raise SystemExit(f"the configuration has no single line {before}")
        text = text.replace(f"\n{before}\n", f"\n{after}\n")
    return text


@dataclass
class Product:
    binary: Path
    version: str
    target: str
    epoch: int
    fast: bool
    # Where files may lie until the packages are made.
    scratch: Path

    def __post_init__(self):
        if self.target not in ARCHITECTURES:
            raise SystemExit(f"packages are made for {', '.join(ARCHITECTURES)}, and not for {self.target}")
        stripped = self.scratch / NAME
        ran("strip", "-o", stripped, self.binary)
        stripped.chmod(PROGRAM)
        self.binary = stripped

    @property
    def architecture(self):
        return ARCHITECTURES[self.target]

    @cached_property
    def program(self):
        return File(self.binary, PROGRAM)

    @cached_property
    def glibc(self):
        """The newest version of the C library whose symbols the binary asks for, as (2, 35); None for one that is linked to none."""
        found = re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)", self.binary.read_bytes())
        return max(((int(major), int(minor)) for major, minor in found), default=None)

    @cached_property
    def man(self):
        """Each page of the manual with its name, such as insightgate.1."""
        folder = self.scratch / "man"
        ran(self.binary, "man", "-o", folder, stderr=subprocess.DEVNULL)
        return {page.name: page.read_bytes() for page in sorted(folder.iterdir())}

    @cached_property
    def completions(self):
        """What completes commands, with its place below a prefix."""
        return {place: ran(self.binary, "completions", shell) for shell, place in COMPLETIONS.items()}

    def configuration(self, changes):
        """The commented example with other values."""
        return changed(ran(self.binary, "init", "--config", "-").decode(), changes).encode()

    def text(self, path):
        """A file of the repository."""
        return (ROOT / path).read_bytes()
