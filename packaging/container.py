"""The root of a container: the binary, the libraries that it is linked to, certificates, two users, and no shell. `Containerfile` adds it to nothing.

The libraries are this machine's own. Where dpkg knows whose they are, the inventory names their packages, and their licences go with them.
"""

import re
import subprocess
from pathlib import Path

from archives import PROGRAM, File, Folder, Link
from product import NAME, ran

# As distroless images have it: nobody's on most machines.
OWNER = 65532
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
PASSWD = f"root:x:0:0:root:/root:/sbin/nologin\n{NAME}:x:{OWNER}:{OWNER}:{NAME}:/var/lib/{NAME}:/sbin/nologin\n"
GROUP = f"root:x:0:\n{NAME}:x:{OWNER}:\n"
CHANGES = {
    'folder = "insightgate-data"': f'folder = "/var/lib/{NAME}"',
    # Whoever runs the container says in INSIGHTGATE_SERVER_PUBLIC_URL what clients use.
    'http = "127.0.0.1:7080"': 'http = "0.0.0.0:7080"',
    'https = "127.0.0.1:7443"': 'https = "0.0.0.0:7443"',
}


def libraries(binary):
    """What the binary is linked to, as the loader finds it; nothing for a static one."""
    asked = subprocess.run(["ldd", binary], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return [Path(found) for found in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", asked.stdout.decode(), re.MULTILINE)] if asked.returncode == 0 else []


def packages(paths):
    """Debian's package of each file, as a name, a version and an address; none where dpkg does not know it."""
    found = set()
    for path in paths:
        # Which of two names dpkg knows depends on where the system keeps its libraries.
        for name in (path, path.resolve(), Path(str(path.resolve()).removeprefix("/usr"))):
            asked = subprocess.run(["dpkg-query", "-S", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
            if asked.returncode == 0:
                owner = asked.stdout.decode().split(": ")[0].split(",")[0]
                version = ran("dpkg-query", "-W", "-f", "${Version}", owner).decode()
                name = owner.split(":")[0]
                found.add((name, version, f"pkg:deb/debian/{name}@{version}"))
                break
    return sorted(found)


def make(product, papers, linked, owners):
    """What is in the root, by paths."""
    doc = f"usr/share/doc/{NAME}"
    tree = {f"usr/bin/{NAME}": product.program}
    tree |= {str(path).lstrip("/"): File(path.resolve(), PROGRAM) for path in linked}
    for name, _, _ in owners:
        tree[f"usr/share/doc/{name}/copyright"] = File(Path(f"/usr/share/doc/{name}/copyright"))
    if Path("/", CERTIFICATES).exists():
        tree |= {CERTIFICATES: File(Path("/", CERTIFICATES)), "etc/ssl/cert.pem": Link("certs/ca-certificates.crt")}
    tree |= {
        "etc/passwd": File(PASSWD.encode()),
        "etc/group": File(GROUP.encode()),
        "etc/nsswitch.conf": File(b"hosts: files dns\n"),
        f"etc/{NAME}/{NAME}.toml": File(product.configuration(CHANGES)),
        "tmp": Folder(0o1777),
        f"var/lib/{NAME}": Folder(0o700, OWNER),
        # Where an engine mounts what a process expects.
        "proc": Folder(0o555),
        "dev": Folder(),
        "sys": Folder(0o555),
    }
    return tree | {f"{doc}/{name}": File(text) for name, text in papers.items()}
