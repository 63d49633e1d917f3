"""Packs one binary: `cargo xtask dist` runs this. CONTRIBUTING.md says how, and docs/installing.md what each package is for."""

import argparse
import hashlib
import json
import os
import tempfile
from pathlib import Path

import container
import deb
import npm
import wheel
from archives import tar, zipped
from inventory import Inventory
from product import NAME, Product, ran

SUMS = "SHA256SUMS"
CONTAINER_ROOT = f"{NAME}-root.tar.gz"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--metadata", type=Path, required=True, help="what `cargo metadata` printed for the platform")
    parser.add_argument("--target", required=True, help="the platform, as Rust names it")
    parser.add_argument("--fast", action="store_true", help="compress nothing")
    asked = parser.parse_args()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
    inventory = Inventory(json.loads(asked.metadata.read_text()), ran("rustc", "--version").decode().split()[1])
    with tempfile.TemporaryDirectory(prefix="insightgate-dist-") as scratch:
        product = Product(asked.binary, inventory.version, asked.target, epoch, asked.fast, Path(scratch))
        pack(product, inventory, asked.out)


def pack(product, inventory, out):
    """All packages into the folder, in place of those that an earlier run left there."""
    digest = hashlib.sha256(product.binary.read_bytes()).hexdigest()
    texts = {name: product.text(name) for name in ("LICENSE-MIT", "LICENSE-APACHE")} | {"THIRD-PARTY.txt": inventory.notices()}
    papers = texts | {f"{NAME}.cdx.json": written(inventory.bill(digest, product.epoch))}
    linked = container.libraries(product.binary)
    owners = container.packages(linked)
    of_container = texts | {f"{NAME}.cdx.json": written(inventory.bill(digest, product.epoch, owners))}
    stem = f"{NAME}-{product.version}"
    name, files, record = wheel.make(product, papers)
    wheel.write(out / name, product, files, record)
    made = {
        f"{stem}.tgz": lambda: zipped(tar(npm.make(product, papers), product.epoch), product.fast),
        f"{NAME}_{product.version}_{product.architecture['deb']}.deb": lambda: deb.make(product, papers),
        CONTAINER_ROOT: lambda: zipped(tar(container.make(product, of_container, linked, owners), product.epoch), product.fast),
        "Containerfile": lambda: product.text("packaging/Containerfile"),
        f"{stem}.cdx.json": lambda: papers[f"{NAME}.cdx.json"],
        "THIRD-PARTY.txt": lambda: texts["THIRD-PARTY.txt"],
    }
    for path, content in made.items():
        (out / path).write_bytes(content())
    names = sorted([name, *made])
    (out / SUMS).write_text("".join(f"{hashlib.sha256((out / path).read_bytes()).hexdigest()}  {path}\n" for path in names))
    print(f"the binary, stripped: {product.binary.stat().st_size / 1e6:.1f} MB")
    for path in names:
        print(f"{(out / path).stat().st_size / 1e6:8.1f} MB  {path}")


def written(bill):
    return json.dumps(bill, indent=1, ensure_ascii=False).encode() + b"\n"


if __name__ == "__main__":
    main()
