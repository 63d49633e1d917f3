"""What is in the binary: each crate with its version, its licence and the digest of its source, as CycloneDX 1.6 and as the texts of all licences.

Comes in: what `cargo metadata` knows for one platform. What only compiles (procedural macros and all below them) is listed as excluded, and its texts
are left out, since none of it is handed out.
"""

import hashlib
import json
import re
import uuid
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

from product import NAME, ROOT

TEXTS = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|COPYRIGHT|UNLICENSE)([-._].*)?", re.IGNORECASE)
NO_TEXTS = {".rs", ".py", ".html", ".toml", ".json", ".sh"}
# How deep the texts of what a crate carries with it lie, such as the C sources of a library.
DEPTH = 3
MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def expression(licence):
    """The slash is how OR was written before SPDX."""
    return (licence or "").replace("/", " OR ").replace("  ", " ").strip()


class Inventory:
    def __init__(self, metadata, rust):
        self.packages = {package["id"]: package for package in metadata["packages"]}
        nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
        self.below = {
            name: sorted({dep["pkg"] for dep in node["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])})
            for name, node in nodes.items()
        }
        members = set(metadata["workspace_members"])
        self.own = {name for name in members}
        self.root = next(name for name in members if self.packages[name]["name"] == NAME)
        self.linked = self._reached(lambda name: not self._only_compiles(name))
        self.all = self._reached(lambda name: True)
        self.rust = rust
        self.sums = checksums((ROOT / "Cargo.lock").read_text())
        self.scripts = built_in_scripts()

    def _only_compiles(self, name):
        return any("proc-macro" in target["kind"] for target in self.packages[name]["targets"])

    def _reached(self, counts):
        seen, waiting = set(), [self.root]
        while waiting:
            name = waiting.pop()
            if name not in seen and counts(name):
                seen.add(name)
                waiting += self.below[name]
        return seen

    @property
    def version(self):
        return self.packages[self.root]["version"]

    def _reference(self, name):
        package = self.packages[name]
        return f"pkg:cargo/{package['name']}@{package['version']}"

    def bill(self, digest, epoch, libraries=()):
        """The bill of materials of a binary with this SHA-256. `libraries`: triples of a name, a version and a package's address, of what lies beside it."""
        third = sorted((name for name in self.all if name not in self.own), key=self._reference)
        components = [self._component(name) for name in third]
        components += [script_component(script) for script in self.scripts]
        components.append({"type": "library", "bom-ref": "rust-std", "name": "std", "version": self.rust, "licenses": [{"expression": "MIT OR Apache-2.0"}]})
        components += [{"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl} for name, version, purl in libraries]
        root = self._reference(self.root)
        ours = sorted(name for name in self.all if name in self.own)
        # Our own crates are the application: what they use, it uses.
        direct = {self._reference(below) for name in ours for below in self.below[name] if below not in self.own}
        beside = [component["bom-ref"] for component in components if not component["bom-ref"].startswith("pkg:cargo/")]
        edges = [{"ref": root, "dependsOn": sorted(direct) + beside}]
        edges += [{"ref": self._reference(name), "dependsOn": [self._reference(below) for below in self.below[name]]} for name in third]
        stamp = datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        seed = digest + stamp + "".join(purl for _, _, purl in libraries)
        return {
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, seed)}",
            "version": 1,
            "metadata": {
                "timestamp": stamp,
                "tools": {"components": [{"type": "application", "name": "cargo xtask dist"}]},
                "component": {
                    "type": "application",
                    "bom-ref": root,
                    "name": NAME,
                    "version": self.version,
                    "purl": root,
                    "licenses": [{"expression": expression(self.packages[self.root]["license"])}],
                    "hashes": [{"alg": "SHA-256", "content": digest}],
                },
            },
            "components": components,
            "dependencies": edges,
        }

    def _component(self, name):
        package = self.packages[name]
        component = {
            "type": "library",
            "bom-ref": self._reference(name),
            "name": package["name"],
            "version": package["version"],
            "scope": "required" if name in self.linked else "excluded",
            "purl": self._reference(name),
            "licenses": [{"expression": expression(package["license"])}],
        }
        if digest := self.sums.get((package["name"], package["version"])):
            component["hashes"] = [{"alg": "SHA-256", "content": digest}]
        if package.get("repository"):
            component["externalReferences"] = [{"type": "vcs", "url": package["repository"].split(" ")[0]}]
        return component

    def notices(self):
        """The licences of all that is handed out, each text once, with the names of those whose it is."""
        users, texts = defaultdict(list), {}

        def keep(text, who):
            key = hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
            texts.setdefault(key, text.strip() + "\n")
            if who not in users[key]:
                users[key].append(who)

        apache = (ROOT / "LICENSE-APACHE").read_text()
        for name in sorted((name for name in self.linked if name not in self.own), key=self._reference):
            package = self.packages[name]
            who = f"{package['name']} {package['version']} ({expression(package['license'])})"
            for text in licence_texts(package) or self._of_siblings(package) or [stated(package, apache)]:
                keep(text, who)
        for script in self.scripts:
            keep(script["text"], f"{script['name']} {script['version']} ({script['license']})")
        keep("Copyright (c) The Rust Project Contributors\n\n" + MIT, f"Rust's standard library {self.rust} (MIT OR Apache-2.0)")
        parts = [f"What {NAME} {self.version} is built from, with the licences of each part. {NAME} itself: LICENSE-MIT and LICENSE-APACHE.\n"]
        for key in sorted(texts, key=lambda key: users[key][0]):
            parts.append("=" * 100 + "\n" + "\n".join(users[key]) + "\n" + "-" * 100 + "\n" + texts[key])
        return "\n".join(parts).encode()


    def _of_siblings(self, package):
        """The texts of another crate of the same repository and licence, for one that carries none."""
        same = ("repository", "license", "authors")
        siblings = [other for other in self.packages.values() if package["repository"] and all(other[name] == package[name] for name in same)]
        return next((texts for texts in map(licence_texts, siblings) if texts), [])


def checksums(lock):
    """The digest of each crate's archive, by its name and version."""
    sums = {}
    for block in lock.split("[[package]]"):
        field = {name: value for name, value in re.findall(r'^(name|version|checksum) = "([^"]*)"', block, re.MULTILINE)}
        if "checksum" in field:
            sums[field["name"], field["version"]] = field["checksum"]
    return sums


def licence_texts(package):
    folder = Path(package["manifest_path"]).parent
    files = sorted(path for path in folder.rglob("*") if TEXTS.fullmatch(path.name) and path.suffix not in NO_TEXTS and path.is_file())
    near = [path for path in files if len(path.relative_to(folder).parts) <= DEPTH and "test" not in str(path.relative_to(folder)).lower()]
    return [path.read_text(errors="replace") for path in near]


def stated(package, apache):
    """The text of a licence that a crate states and does not carry."""
    licence = expression(package["license"])
    if "MIT" in licence:
        authors = ", ".join(package["authors"]) or f"the authors of {package['name']}"
        return f"Copyright (c) {authors}\n\n{MIT}"
    if "Apache-2.0" in licence:
        return apache
    raise SystemExit(f"{package['name']} {package['version']} states {licence} and carries no text of it")


def built_in_scripts():
    """The npm packages of which files are built in, and those of which something is in a bundle, each once."""
    whole = [json.loads(file.read_text()) | {"text": (file.parent / "LICENSE").read_text()} for file in sorted(ROOT.glob("crates/*/assets/*/package.json"))]
    bundled = [script for file in sorted(ROOT.glob("crates/*/assets/*/packages.json")) for script in json.loads(file.read_text())]
    return list({(script["name"], script["version"]): script for script in bundled + whole}.values())


def script_component(script):
    purl = f"pkg:npm/{script['name'].replace('@', '%40')}@{script['version']}"
    licences = [{"expression": script["license"]}]
    return {"type": "library", "bom-ref": purl, "name": script["name"], "version": script["version"], "purl": purl, "licenses": licences}
