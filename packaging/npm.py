"""An npm package that carries the binary: `npx insightgate demo`. Nothing is downloaded when it is installed, and no script runs."""

import json

from archives import File
from product import NAME, SUMMARY


def make(product, papers):
    """What is in the package, by paths below `package`."""
    description = {
        "name": NAME,
        "version": product.version,
        "description": SUMMARY,
        "license": "(MIT OR Apache-2.0)",
        "bin": {NAME: f"bin/{NAME}"},
        "man": [f"man/{name}" for name in product.man],
        "files": ["bin", "man", *papers],
        "os": ["linux"],
        "cpu": [product.architecture["npm"]],
        "libc": ["glibc"],
    }
    tree = {"package.json": File(json.dumps(description, indent=2).encode() + b"\n"), "README.md": File(product.text("README.md"))}
    tree |= {f"bin/{NAME}": product.program}
    tree |= {f"man/{name}": File(page) for name, page in product.man.items()}
    tree |= {name: File(text) for name, text in papers.items()}
    return {f"package/{path}": file for path, file in tree.items()}
