"""A Debian package: the binary, two units of systemd, a configuration, completions and the manual. Written as the format says, with nothing of Debian's at hand."""

import hashlib

from archives import PLAIN, PROGRAM, File, ar, squeezed, tar, zipped
from product import NAME, ROOT, SUMMARY

SCRIPTS = ["postinst", "prerm", "postrm"]
UNITS = ["insightgate.service", "insightgate-init.service"]
# Those that the program's hints name too, beside each other, so that their links lead somewhere. The index of docs has the name of the first.
PAGES = ["README.md", "CHANGELOG.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md") if page.name != "README.md")]
CONFIGURATION = f"etc/{NAME}/{NAME}.toml"


def make(product, papers):
    """The bytes of the package."""
    tree = contents(product, papers)
    installed = sum(len(file.read()) for file in tree.values()) // 1024 + 1
    libraries = "libgcc-s1, libc6 (>= {}.{})".format(*product.glibc) if product.glibc else ""
    fields = {
        "Package": NAME,
        "Version": product.version,
        "Architecture": product.architecture["deb"],
        "Maintainer": "The Insightgate maintainers <maintainers@insightgate.invalid>",
        "Installed-Size": str(installed),
        "Depends": libraries,
        "Recommends": "ca-certificates",
        "Section": "net",
        "Priority": "optional",
        "Description": f"{SUMMARY.split(':')[0]}\n A self-hosted server that speaks the Partner Center Insights API, and a command line for it. It runs\n report queries over partner data, once or on a schedule.",
    }
    sums = "".join(f"{hashlib.md5(file.read()).hexdigest()}  {path}\n" for path, file in sorted(tree.items()))
    control = {
        "control": File("".join(f"{name}: {value}\n" for name, value in fields.items() if value).encode()),
        "conffiles": File(f"/{CONFIGURATION}\n".encode()),
        "md5sums": File(sums.encode()),
    }
    control |= {name: File(product.text(f"packaging/deb/{name}"), PROGRAM) for name in SCRIPTS}
    data = tar(tree, product.epoch, "./")
    member = ("data.tar", data) if product.fast else ("data.tar.xz", squeezed(data))
    return ar([("debian-binary", b"2.0\n"), ("control.tar.gz", zipped(tar(control, product.epoch, "./"), False)), member], product.epoch)


def contents(product, papers):
    """What is installed, by paths."""
    doc = f"usr/share/doc/{NAME}"
    tree = {f"usr/bin/{NAME}": product.program}
    tree |= {f"usr/lib/systemd/system/{name}": File(product.text(f"packaging/systemd/{name}")) for name in UNITS}
    tree |= {CONFIGURATION: File(product.configuration({'folder = "insightgate-data"': f'folder = "/var/lib/{NAME}"'}), PLAIN)}
    tree |= {f"usr/share/man/man1/{name}.gz": File(zipped(page, False)) for name, page in product.man.items()}
    tree |= {f"usr/{place}": File(script) for place, script in product.completions.items()}
    tree |= {f"{doc}/{page.rsplit('/')[-1]}": File(product.text(page)) for page in PAGES}
    tree |= {f"{doc}/{name}.gz": File(zipped(text, False)) for name, text in papers.items() if not name.startswith("LICENSE")}
    both = b"\n".join(papers[name] for name in sorted(papers) if name.startswith("LICENSE"))
    tree |= {f"{doc}/copyright": File(b"insightgate: MIT or Apache-2.0, at your option. What it is built from: THIRD-PARTY.txt.gz.\n\n" + both)}
    return tree
