"""A wheel that carries the binary, as `maturin` with `bindings = "bin"` makes one: pip puts it beside Python's own programs, and `pipx run insightgate` starts it.

maturin compiles what it packs. This takes the binary that is there, so that all packages carry the same one.
"""

import base64
import hashlib
import time
import zipfile

from product import NAME, SUMMARY


def make(product, papers):
    """The wheel's name and what is in it, by paths. `papers`: licences and inventory, by name."""
    if product.glibc is None:
        raise SystemExit("a wheel needs a binary that is linked to glibc: its name says to which")
    stem, version = f"{NAME}-{product.version}", product.version
    tag = "py3-none-manylinux_{}_{}_{}".format(*product.glibc, product.architecture["wheel"])
    info, data = f"{stem}.dist-info", f"{stem}.data"
    licences = [name for name in papers if not name.endswith(".json")]
    metadata = [
        "Metadata-Version: 2.4",
        f"Name: {NAME}",
        f"Version: {version}",
        f"Summary: {SUMMARY}",
        "License-Expression: MIT OR Apache-2.0",
        *(f"License-File: {name}" for name in licences),
        "Requires-Python: >=3.7",
        "Classifier: Environment :: Console",
        "Classifier: Operating System :: POSIX :: Linux",
        "Classifier: Programming Language :: Rust",
        "Description-Content-Type: text/markdown",
        "",
        product.text("README.md").decode(),
    ]
    files = {f"{data}/scripts/{NAME}": product.program.read()}
    files |= {f"{data}/data/share/man/man1/{name}": page for name, page in product.man.items()}
    files |= {f"{data}/data/{place}": script for place, script in product.completions.items()}
    files |= {f"{info}/METADATA": "\n".join(metadata).encode()}
    files |= {f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: {NAME}-xtask\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()}
    files |= {f"{info}/{'licenses' if name in licences else 'sboms'}/{name}": text for name, text in papers.items()}
    return f"{stem}-{tag}.whl", files, f"{info}/RECORD"


def write(path, product, files, record):
    """The record comes last, and says of each file what it is."""
    lines = [f"{name},sha256={digest(content)},{len(content)}\n" for name, content in files.items()]
    files = files | {record: "".join([*lines, f"{record},,\n"]).encode()}
    # The format knows no time before 1980.
    stamp = max(time.gmtime(product.epoch)[:6], (1980, 1, 1, 0, 0, 0))
    kind = zipfile.ZIP_STORED if product.fast else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, stamp)
            entry.create_system, entry.compress_type = 3, kind
            entry.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
            archive.writestr(entry, content, compresslevel=None if product.fast else 9)


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
