"""Each package that `cargo xtask dist` makes, installed where nothing else is, and walked to the first report.

They are made once, from the binary that the other tests run, without compression: what is tried is what lies where."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import pytest

from contained import Container, instructions

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 300
# A tenth of it is what `systemd-analyze security` calls the exposure, from 0 to 10.
EXPOSURE = 20


def ran(*command, cwd=None, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INSIGHTGATE_", "npm_"))}
    done = subprocess.run(command, cwd=cwd, env=kept | environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def room():
    """A folder in memory where there is one: the packages are as large as the binary, and there are several."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="insightgate-packages-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def packages(binary, room):
    made = room / "packages"
    ran("cargo", "xtask", "dist", "--fast", "--binary", binary.resolve(), "--out", made, cwd=REPOSITORY)
    yield made


@pytest.fixture
def place(room):
    """An empty folder, which is empty again afterwards."""
    folder = room / "place"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def only(folder, pattern):
    [found] = folder.glob(pattern)
    return found


def walk(program, folder):
    """The main job, from a folder in which nothing is."""
    folder.mkdir()
    shown = ran(program, "demo", "--once", "--rows", "60", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", cwd=folder, HOME=str(folder))
    assert "200 Completed" in shown.stdout
    header = (folder / "insightgate-data/first-report.csv").read_text().splitlines()[0]
    assert header == "CustomerName,CustomerMarket,TotalRevenue"


def test_papers(packages):
    """Checksums fit, and the inventory and the licences name what is built in."""
    sums = dict(reversed(line.split("  ")) for line in (packages / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {path.name for path in packages.iterdir()} - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((packages / name).read_bytes()).hexdigest() == digest, name
    bill = json.loads(only(packages, "*.cdx.json").read_text())
    components = {component["name"]: component for component in bill["components"]}
    known = {component["bom-ref"] for component in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    assert len(known) == len(bill["components"]) + 1
    assert all(edge["ref"] in known and set(edge["dependsOn"]) <= known for edge in bill["dependencies"])
    assert all(component["licenses"][0]["expression"] for component in bill["components"])
    for name in ("datafusion", "tokio", "aws-lc-sys", "uplot", "std"):
        assert name in components
    assert components["serde_derive"]["scope"] == "excluded" and components["serde"]["scope"] == "required"
    notices = (packages / "THIRD-PARTY.txt").read_text()
    for component in bill["components"]:
        if component.get("scope") == "required":
            assert f"{component['name']} {component['version']} (" in notices


def test_wheel(packages, place):
    ran(sys.executable, "-m", "venv", place / "venv")
    pip = [place / "venv/bin/pip", "--disable-pip-version-check"]
    ran(*pip, "install", "--quiet", "--no-index", only(packages, "*.whl"))
    walk(place / "venv/bin/insightgate", place / "work")
    assert (place / "venv/share/man/man1/insightgate.1").exists()
    ran(*pip, "uninstall", "--quiet", "--yes", "insightgate")
    left = [path for path in (place / "venv").rglob("*") if path.is_file() and "insightgate" in path.name]
    assert left == []


def test_npm(packages, place):
    (place / "package.json").write_text("{}")
    quietly = ["--offline", "--no-audit", "--no-fund", "--loglevel", "error", "--cache", place / "cache"]
    ran("npm", "install", *quietly, only(packages, "insightgate-*.tgz"), cwd=place)
    walk(place / "node_modules/.bin/insightgate", place / "work")
    described = json.loads((place / "node_modules/insightgate/package.json").read_text())
    assert "scripts" not in described and "dependencies" not in described


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is Debian's")
def test_deb(packages, place):
    package, root = only(packages, "*.deb"), place / "root"
    ran("dpkg-deb", "-x", package, root)
    ran("dpkg-deb", "-e", package, place / "control")
    for line in (place / "control/md5sums").read_text().splitlines():
        digest, path = line.split("  ")
        assert hashlib.md5((root / path).read_bytes()).hexdigest() == digest, path
    for script in ("postinst", "prerm", "postrm"):
        ran("sh", "-n", place / "control" / script)
    program = root / "usr/bin/insightgate"
    walk(program, place / "work")
    for file in ("usr/share/man/man1/insightgate-serve.1.gz", "usr/share/bash-completion/completions/insightgate", "usr/share/doc/insightgate/copyright"):
        assert (root / file).exists()
    ran("bash", "-n", root / "usr/share/bash-completion/completions/insightgate")
    # What its units run, with the configuration that it brings, elsewhere than in the system's folders.
    configuration = root / "etc/insightgate/insightgate.toml"
    assert 'folder = "/var/lib/insightgate"' in configuration.read_text()
    operator = place / "operator.json"
    for _ in range(2):
        ran(program, "init", "--config", configuration, "--operator-file", operator, INSIGHTGATE_DATA_FOLDER=str(place / "state"))
    assert json.loads(operator.read_text())["client_secret"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not everywhere")
def test_units(packages, place, binary):
    """systemd reads them without a remark, and finds little that the server could do to its machine."""
    units = REPOSITORY / "packaging/systemd"
    hardening = []
    for unit in units.iterdir():
        # The program is not where the package puts it.
        text = unit.read_text()
        (place / unit.name).write_text(text.replace("/usr/bin/insightgate", str(binary.resolve())))
        hardening.append([line for line in text.splitlines() if line.startswith(("Protect", "Private", "Restrict", "System", "Dynamic", "State", "NoNew"))])
        ran("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", place / unit.name)
    remarks = ran("systemd-analyze", "verify", "--man=no", *place.iterdir())
    assert not [line for line in remarks.stderr.splitlines() if "insightgate" in line]
    assert len(hardening) == 2 and hardening[0] == hardening[1] and len(hardening[0]) > 20


@pytest.mark.skipif(not shutil.which("unshare"), reason="namespaces are Linux's")
def test_container(packages, place):
    described = instructions((packages / "Containerfile").read_text())
    assert described["FROM"] == "scratch"
    archive, destination = described["ADD"].split()
    assert destination == "/"
    with tarfile.open(packages / archive) as root:
        # It is our own, and modes and owners matter. Older Pythons know no filters.
        root.extractall(place, **({"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}))
    assert not (place / "bin/sh").exists() and not (place / "usr/bin/sh").exists()
    with Container(place, described) as container:
        walked = container.run("demo", "--once", "--rows", "60")
        assert walked["code"] == 0 and "200 Completed" in walked["out"], walked
        # Nothing but the volume can be written.
        refused = container.run("init", "--config", "/etc/other.toml", "--operator-file", "operator.json")
        assert refused["code"] == 1 and ("Read-only" in refused["err"] or "read-only" in refused["err"]), refused
        # Where clients find it is said by whoever runs it.
        unsaid = container.run("serve", "--config", "/etc/insightgate/insightgate.toml")
        assert unsaid["code"] == 2 and "server.public_url" in unsaid["err"], unsaid
        address = {"INSIGHTGATE_SERVER_PUBLIC_URL": "https://insights.example.com"}
        made = container.run("init", "--config", "/etc/insightgate/insightgate.toml", "--operator-file", "operator.json", **address)
        assert made["code"] == 0, made
        assert container.health()["code"] == 5
        assert container.start(**address)["running"]
        deadline = time.monotonic() + SECONDS
        while (health := container.health())["code"] != 0 and time.monotonic() < deadline:
            pass
        ready = container.run("health", "--json")
        stopped = container.stop()
        assert health["code"] == 0, stopped
        assert json.loads(ready["out"])["ready"]
        assert stopped["code"] == 0 and "serving" in stopped["err"]
