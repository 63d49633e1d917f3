"""Install: the program alone, in an empty folder with an empty environment, gives a first report. So does each package, if INSIGHTGATE_PACKAGES names their folder."""

import hashlib
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

from drill import PATIENCE, Drill


def unpacked(package, place):
    """What a package puts onto a machine, without installing anything: wheels are zip archives, npm's packages tar archives, and dpkg unpacks its own."""
    if package.suffix == ".whl":
        zipfile.ZipFile(package).extractall(place)
    elif package.suffix == ".deb":
        subprocess.run(["dpkg-deb", "--extract", package, place], check=True)
    else:
        tarfile.open(package).extractall(place, filter="data")
    (program,) = [path for path in place.rglob("insightgate") if path.is_file() and path.stat().st_size > 1 << 20]
    program.chmod(0o755)
    return program


def first_report(drill, program, place):
    # As somebody has it who has just come: no variable, and nothing else beside the program.
    command = [program, "demo", "--once", "--rows", "60", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]
    print(f"   $ env -i insightgate {' '.join(command[1:])}")
    ran = subprocess.run(command, cwd=place, env={"HOME": str(place)}, capture_output=True, text=True, timeout=PATIENCE)
    drill.expect(ran.returncode == 0 and "200 Completed" in ran.stdout, "the first report is completed")
    report = place / "insightgate-data" / "first-report.csv"
    drill.saw(report.read_text())
    drill.expect(len(report.read_text().splitlines()) > 1, "its file has rows")


with Drill(__doc__) as drill:
    drill.step("The program, copied alone")
    place = drill.folder / "alone"
    place.mkdir()
    program = Path(shutil.copy(drill.program, place / "insightgate"))
    drill.saw(f"{program.stat().st_size / 1e6:.0f} MB", drill.run("--version").stdout)
    first_report(drill, program, place)

    packages = Path(os.environ.get("INSIGHTGATE_PACKAGES", drill.folder / "none")).resolve()
    if not packages.is_dir():
        print("   no packages are given: `cargo xtask dist` makes them, and INSIGHTGATE_PACKAGES=target/dist-packages names them")
    else:
        drill.step("The checksums of the packages")
        for line in (packages / "SHA256SUMS").read_text().splitlines():
            digest, name = line.split(maxsplit=1)
            told = hashlib.sha256((packages / name.lstrip("*")).read_bytes()).hexdigest()
            drill.expect(told == digest, f"{name} is what was packed")
        kinds = ["*.whl", "*.tgz", "*.deb"] if shutil.which("dpkg-deb") else ["*.whl", "*.tgz"]
        for package in [path for kind in kinds for path in sorted(packages.glob(kind))]:
            drill.step(f"{package.name}, {package.stat().st_size / 1e6:.0f} MB")
            place = drill.folder / package.name
            place.mkdir()
            first_report(drill, unpacked(package, place / "unpacked"), place)
