"""The drills of an operator, as they are: each holds, its page names it, and none leaves anything behind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DRILLS = sorted(path.stem for path in (ROOT / "drills").glob("*.py") if path.stem not in ("all", "drill"))
SECONDS = 120


@pytest.mark.parametrize("name", DRILLS)
def test_it_holds(name, binary, tmp_path):
    environment = os.environ | {"INSIGHTGATE_BIN": str(binary.resolve()), "TMPDIR": str(tmp_path)}
    command = [sys.executable, ROOT / "drills" / f"{name}.py"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "all of it held" in ran.stdout and "   ok: " in ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_drill_that_does_not_hold_says_so(binary, tmp_path):
    (tmp_path / "wrong.py").write_text(
        "from drill import Drill\nwith Drill('Wrong') as drill:\n    drill.step('look')\n    drill.expect(False, 'the moon is a cheese')\n"
    )
    environment = os.environ | {"INSIGHTGATE_BIN": str(binary.resolve()), "PYTHONPATH": str(ROOT / "drills")}
    ran = subprocess.run([sys.executable, tmp_path / "wrong.py"], env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 1 and "FAILED: the moon is a cheese: this does not hold" in ran.stdout, ran.stdout + ran.stderr


def test_the_page_and_the_list_name_each():
    named = re.findall(r"^\| `drills/(\w+)\.py` ", (ROOT / "docs" / "drills.md").read_text(), re.MULTILINE)
    listed = re.search(r"NAMES = \[(.*?)\]", (ROOT / "drills" / "all.py").read_text(), re.DOTALL)[1]
    assert sorted(named) == DRILLS == sorted(re.findall(r'"(\w+)"', listed))
    assert named == re.findall(r'"(\w+)"', listed)
