"""Rows that commands put into an object store, as docs/datasets.md has it: the examples of the document are run, against a store that is not Amazon's and
Microsoft's emulator."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from harness.demo import RUN_SECONDS
from harness.emulators import BUCKET, S3, Azure

DOCUMENT = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text()
TENANT = "c999ed10-6d92-502b-8647-11aa9ff40392"
OTHER = "3f1c0000-0000-4000-8000-000000000001"
FILES = {
    "sales.csv": "city;amount\nOslo;0,10\nRome;0,20\n",
    "november.csv": "amount,city\n0.30,Bonn\n",
    "december.csv": '{"city": "Bern", "amount": 12345678901234.56}\n',
}


def example(scheme):
    """The lines of the block that exports variables and uses the scheme."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", DOCUMENT, re.M | re.S)
    (block,) = [block for block in blocks if f"{scheme}://" in block and block.startswith("export ")]
    return block.splitlines()


@pytest.fixture(scope="module", params=["s3", "azure"])
def store(request, tmp_path_factory):
    store = S3() if request.param == "s3" else Azure(tmp_path_factory.mktemp("azurite"))
    yield store
    store.close()


@pytest.fixture
def place(tmp_path):
    """Where the commands are given: files of a person, and a data folder under its usual name."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "insightgate-data" / "datasets").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def run(binary, store, place):
    def run(line, code=0, **changes):
        program, *words = shlex.split(line)
        assert program == "insightgate", line
        environment = dict(os.environ) | store.environment | changes
        ran = subprocess.run([str(binary), *words], cwd=place, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS)
        assert ran.returncode == code, ran.stdout + ran.stderr
        assert store.secret not in ran.stdout + ran.stderr
        return ran

    return run


def root(store):
    return store.url.split("://")[0] + f"://{BUCKET}/lake"


def test_the_examples_of_the_document(store, run, place):
    scheme = store.url.split("://")[0]
    named = set()
    for line in example(scheme):
        if line.startswith("export "):
            # The emulator has values of its own for them.
            named |= {word.split("=")[0] for word in shlex.split(line)[1:]}
        else:
            run(line)
    prefixes = {"AWS_", "AZURE_"}
    assert named <= set(store.environment) and all(name[: name.index("_") + 1] in prefixes for name in named), named
    rows = (place / "sales-of-all.csv").read_text()
    imported = ["Bonn,0.30"] if scheme == "s3" else []
    assert rows.splitlines() == ["city,amount", "Oslo,0.10", "Rome,0.20", *imported, *(["Bern,12345678901234.56"] if scheme == "s3" else [])]
    assert not list((place / "insightgate-data").rglob("*.parquet")) and not list((place / "insightgate-data").glob(".insightgate-*"))


def test_rows_are_added_replaced_and_kept_apart(store, run, place):
    prefix = f"lake/mpn/Trade/tenant={TENANT}/"
    at = f"--name Trade --data-root {root(store)}"
    shown = lambda tenant=TENANT: (
        run(f"insightgate run 'SELECT city, amount FROM Trade ORDER BY amount ASC' --tenant {tenant} --data-root {root(store)} -o out.csv"),
        (place / "out.csv").read_text().splitlines()[1:],
    )[1]
    run(f"insightgate dataset add sales.csv {at} --tenant {TENANT}")
    assert list(store.sizes(prefix)) == [f"{prefix}part-00000.parquet"]
    assert "is there already" in run(f"insightgate dataset add sales.csv {at} --tenant {TENANT}", code=1).stderr
    # A further tenant joins, and sees its own.
    run(f"insightgate dataset add november.csv {at} --tenant {OTHER}")
    added = json.loads(run(f"insightgate dataset import november.csv december.csv {at} --tenant {TENANT} --json").stdout)
    assert added["rows"] == 2 and len(added["files"]) == 1 and added["files"][0].startswith(f"{root(store)}/mpn/Trade/tenant={TENANT}/import-00000-")
    assert shown() == ["Oslo,0.10", "Rome,0.20", "Bonn,0.30", "Bern,12345678901234.56"] and shown(OTHER) == ["Bonn,0.30"]
    # All or nothing: the second file does not fit.
    (place / "wrong.csv").write_text("city,amount\nOslo,many\n")
    before = store.sizes(prefix)
    refused = run(f"insightgate dataset import november.csv wrong.csv {at} --tenant {TENANT}", code=1)
    assert "wrong.csv: column 'amount'" in refused.stderr and "'many' in row 1" in refused.stderr and "line 2" in refused.stderr
    assert store.sizes(prefix) == before and store.unfinished() == []
    # What takes the place of all of them is one object; the other tenant's stays.
    run(f"insightgate dataset add november.csv {at} --tenant {TENANT} --replace")
    assert list(store.sizes(prefix)) == [f"{prefix}part-00000.parquet"]
    assert shown() == ["Bonn,0.30"] and shown(OTHER) == ["Bonn,0.30"]
    (place / "more.csv").write_text("city,amount,more\nOslo,1,2\n")
    assert "rows of other owners" in run(f"insightgate dataset add more.csv {at} --tenant {TENANT} --replace", code=1).stderr
    assert not list((place / "insightgate-data").glob(".insightgate-*"))


def test_a_store_that_fails_is_said_and_nothing_is_defined(store, run, place):
    endpoint = next(name for name in store.environment if "ENDPOINT" in name)
    line = f"insightgate dataset add sales.csv --name Lost --tenant {TENANT} --data-root {root(store)}"
    said = run(line, code=1, **{endpoint: "http://127.0.0.1:9/devstoreaccount1"}).stderr
    assert "cannot be reached" in said and "hint: insightgate store check" in said
    assert not (place / "insightgate-data/datasets/mpn/Lost.toml").exists()
    assert store.sizes("lake/mpn/Lost/") == {}


def steps(ran):
    return {(place["setting"], step["step"]): step for place in json.loads(ran.stdout) for step in place["steps"]}


def test_a_store_is_tried_step_by_step(store, run):
    line = f"insightgate store check --data-root {root(store)} --artifact-root {root(store)}-files --json"
    tried = steps(run(line))
    assert all(step["ok"] for step in tried.values()) and [name for setting, name in tried if setting == "artifacts.root"] == [
        "open", "write", "list", "read", "readRange", "remove"
    ]
    assert store.sizes("lake-files/") == {}, "nothing is left of the probe"
    # Each thing that may be missing is named with what helps.
    with store.judging():
        ran = run(line, code=3, **store.wrong)
    failed = {key for key, step in steps(ran).items() if not step["ok"]}
    assert {("data.root", "list"), ("artifacts.root", "write")} <= failed and "does not take the credentials" in ran.stdout
    key = "AWS_SECRET_ACCESS_KEY" if store.url.startswith("s3") else "AZURE_STORAGE_ACCOUNT_KEY"
    assert "hint: " in ran.stderr and key in ran.stderr
    scheme, kind = store.url.split("://")[0], "bucket" if store.url.startswith("s3") else "container"
    ran = run(f"insightgate store check --artifact-root {scheme}://nowhere/files", code=4)
    assert f"make the {kind} 'nowhere'" in ran.stderr and "has no such place" in ran.stdout
    endpoint = next(name for name in store.environment if "ENDPOINT" in name)
    ran = run(line, code=5, **{endpoint: "http://127.0.0.1:9/devstoreaccount1"})
    assert "cannot be reached" in ran.stdout and endpoint in ran.stderr
    plain = next(name for name in store.environment if "ALLOW_HTTP" in name)
    assert f"set {plain}=true" in run(line, code=5, **{plain: "false"}).stderr


def test_a_server_says_which_setting_of_its_store_is_missing(run, place):
    (place / "insightgate.toml").write_text('[artifacts]\nroot = "azure://reports/files"\n[server]\nhttp = "127.0.0.1:0"\nhttps = ""\n')
    ran = run("insightgate serve --config insightgate.toml", code=1, AZURE_STORAGE_ACCOUNT_NAME="", INSIGHTGATE_DATA_FOLDER="served")
    assert "azure://reports/files (artifacts.root) cannot be used" in ran.stderr and "hint: set AZURE_STORAGE_ACCOUNT_NAME" in ran.stderr
