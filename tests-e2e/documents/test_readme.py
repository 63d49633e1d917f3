"""The documents say what is so: transcripts are run again, flags and links looked up, examples tried.

Compared are whole lines. Masked is only what differs by nature: random identifiers, secrets, signatures, times, ports and the folder's place. Sample dates are
relative to today, but the rows of the walk come from whole months before it, whose numbers follow from the seed alone.
"""

import json
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

from harness.demo import read_time

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
# The README and the pages that it sends its readers to: each section stands in one of them.
PAGES = "\n".join([README, *(path.read_text() for path in sorted(ROOT.glob("docs/for-*.md"))), (ROOT / "docs/command-line.md").read_text()])
DOCUMENTS = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FREE_PORTS = ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def section(title):
    found = re.findall(rf"^## {title}\n(.*?)(?=^##? |\Z)", PAGES, re.M | re.S)
    assert len(found) == 1, f"{len(found)} sections {title}"
    return found[0]


def fences(text):
    """Kind and content of each fenced block."""
    return re.findall(r"^```(\w+)\n(.*?)\n```$", text, re.M | re.S)


def transcript(block):
    """Pairs of a command and what it printed."""
    parts = re.split(r"^\$ (.*)\n?", block, flags=re.M)
    assert parts[0] == ""
    return list(zip(parts[1::2], (printed.strip("\n") for printed in parts[2::2])))


WALK = transcript(fences(section("What the demo does"))[0][1])[0][1]
BY_HAND = fences(section("By hand"))[0][1]
TENANT = re.search(UUID, WALK)[0]
CLIENT = re.search(rf"application ({UUID})", WALK)[1]


def masked(text):
    """The seed makes the tenant's and the application's id: they stay."""
    text = re.sub(UUID, lambda found: found[0] if found[0] in (TENANT, CLIENT) else "<id>", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:<port>", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>", text)
    text = re.sub(r"[^\s']*/insightgate-data", "<place>/insightgate-data", text)
    return re.sub(r"(client_secret=|password=|with the password |sig=|se=)[\w%-]+", r"\1<secret>", text)


def test_masks_hide_no_numbers():
    assert masked("Adventure Works,United States,50117940.00") == "Adventure Works,United States,50117940.00"


class Walked:
    """A demo in a folder of its own, started as the README says, and all that it printed."""

    def __init__(self, binary, folder, *flags):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        command = [binary, "demo", *FREE_PORTS, *flags]
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        guard = threading.Timer(120, self.process.kill)
        guard.start()
        lines = []
        for line in self.process.stdout:
            if not line.startswith("ready: "):
                lines.append(line)
            if line.startswith("curl") and "/artifacts/" in line:
                break
        guard.cancel()
        walk, serving, rest = "".join(lines).partition("Serving ")
        self.walk, self.by_hand = walk.strip(), (serving + rest).strip()
        assert serving, self.walk
        self.https, self.http = re.search(r"Serving (\S+) and (\S+) until", self.by_hand).groups()
        self.environment = os.environ | {"PATH": f"{binary.parent}{os.pathsep}{os.environ['PATH']}"}

    def here(self, command):
        return command.replace("https://127.0.0.1:7443", self.https).replace("http://127.0.0.1:7080", self.http)

    def shell(self, command):
        """What a terminal shows."""
        command = ["bash", "-c", self.here(command)]
        ran = subprocess.run(command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        return ran.stdout.strip("\n")

    def sign_in(self):
        """Runs the printed command for a token, and keeps it for the shell."""
        setting = re.search(r"^TOKEN=.*?\)$", self.by_hand, re.M | re.S)[0]
        self.environment["TOKEN"] = self.shell(f'{setting}\necho "$TOKEN"')

    def preview(self, query):
        call = f'curl -s --cacert insightgate-data/tls/ca.pem -H "Authorization: Bearer $TOKEN" -G {self.https}/insights/v1/mpn/ScheduledQueries/testQueryResult'
        self.environment["QUERY"] = query
        return json.loads(self.shell(f'{call} --data-urlencode "exportQuery=$QUERY"'))

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def walked(binary, tables, tmp_path_factory):
    running = Walked(binary.resolve(), tmp_path_factory.mktemp("readme"), "--ready-file", "ready.json")
    published = running.folder / "node_modules" / "vega-datasets"
    published.mkdir(parents=True)
    (published / "data").symlink_to(tables.resolve())
    running.sign_in()
    yield running
    running.stop()


def test_starts_with_the_two_commands():
    kind, block = fences(README)[0]
    assert kind == "sh" and [line.split("#")[0].strip() for line in block.splitlines()] == ["cargo demo", "cargo xtask test"]


def test_the_walk(walked):
    assert masked(walked.walk) == masked(WALK)


def test_the_walk_once(binary, tmp_path):
    ran = subprocess.run([binary.resolve(), "demo", "--once", *FREE_PORTS], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert masked(ran.stderr.strip() + "\n" + ran.stdout.strip()) == masked(WALK)


def test_the_walk_on_another_day(binary, tmp_path):
    """Its numbers do not depend on the day: the clock is moved, and the sample made anew."""
    first = Walked(binary.resolve(), tmp_path, "--clock", "manual")
    try:
        command = next(block for kind, block in fences(section("Flags of the demo")) if kind == "sh")
        before = read_time(json.loads(first.shell(f"curl -s {first.http}/sandbox/v1/clock"))["now"])
        assert (read_time(json.loads(first.shell(command))["now"]) - before).total_seconds() == 24 * 3600
        assert "manual" in first.shell(command.replace("PT24H", "P50D"))
    finally:
        first.stop()
    again = Walked(binary.resolve(), tmp_path, "--clock", "manual")
    again.stop()
    assert masked(again.walk) == masked(WALK)


def test_by_hand(walked):
    assert masked(walked.by_hand) == masked(BY_HAND)
    commands = [line for line in walked.by_hand.splitlines() if line.startswith("curl")]
    assert len(commands) == 6
    for command in commands[:-1]:
        answer = json.loads(walked.shell(command))
        assert answer["statusCode"] == 200 and answer["value"], command
    assert walked.shell(commands[-1]).splitlines()[:5] == [line.strip() for line in WALK.splitlines()[-5:]]


def test_own_data(walked):
    for kind, block in fences(section("Your own data")):
        if kind == "sh":
            assert walked.shell(block) == ""
            continue
        for command, printed in transcript(block):
            assert masked(walked.shell(command)) == masked(printed), command


@pytest.mark.parametrize("title", ["A report in one command", "Queries from the command line"])
def test_a_server_from_the_command_line(walked, title):
    (kind, block), *_ = fences(section(title))
    (export, nothing), *commands = transcript(block)
    assert kind == "console" and nothing == ""
    for command, printed in commands:
        assert masked(walked.shell(f"{export}; {command}")) == masked(printed), command


def test_as_a_server(walked, binary, tmp_path):
    (init, wrote), (serve, served) = transcript(fences(section("As a server"))[0][1])
    assert init == "insightgate init" and serve == "insightgate serve --config insightgate.toml"
    home = {"HOME": str(tmp_path.parent), "XDG_CONFIG_HOME": ""}
    ran = subprocess.run([binary.resolve(), "init"], cwd=tmp_path, env=os.environ | home, capture_output=True, text=True)
    assert (ran.stderr.strip(), ran.stdout, ran.returncode) == (wrote, "", 0)
    assert (tmp_path / "insightgate.toml").read_text() == (ROOT / "insightgate.example.toml").read_text()
    ports = {"INSIGHTGATE_SERVER_HTTP": "127.0.0.1:0", "INSIGHTGATE_SERVER_HTTPS": "127.0.0.1:0"}
    command = [binary.resolve(), *serve.split()[1:]]
    with subprocess.Popen(command, cwd=tmp_path, env=os.environ | ports, stderr=subprocess.PIPE, text=True) as server:
        lines = [server.stderr.readline().strip() for _ in served.splitlines()]
        server.terminate()
        server.wait(30)
    assert masked("\n".join(lines)) == masked(served)


def test_flags(binary):
    described = subprocess.run([binary, "demo", "--help"], capture_output=True, text=True).stdout
    offered = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", described, re.M)) - {"--help", "--profile", "--timeout", "--retries"}
    tabled = set(re.findall(r"^\| `(--[a-z-]+)", section("Flags of the demo"), re.M))
    assert tabled == offered
    for flag, default in re.findall(r"^ +(--[a-z-]+) <[^\n]*\n(?:(?! +--).*\n)*? +\[default: (.*)\]", described, re.M):
        assert re.search(rf"^\| `{flag}[^|]*\| `?{re.escape(default)}`? \|", section("Flags of the demo"), re.M), f"{flag}: {default}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links(document):
    """Paths exist; so do the source files that the text names in code."""
    text = document.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            assert (document.parent / target.split("#")[0]).exists(), target
    for path in re.findall(r"`((?:crates|xtask|tests-e2e|benches|docs|\.ci)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path


def test_the_full_definition(walked, sql):
    definition = next(block for kind, block in fences((ROOT / "docs/datasets.md").read_text()) if kind == "toml")
    folder = walked.folder / "insightgate-data" / "data" / "mpn" / "Sales"
    folder.mkdir()
    rows = f"""SELECT * FROM (VALUES
        (DATE '2020-01-31', '6096123', 'Web', 10.5::DECIMAL(18,2), 'a', '{TENANT}'), (DATE '2020-01-31', '6096123', 'Web', 4.5::DECIMAL(18,2), 'b', '{TENANT}'),
        (DATE '2020-01-31', '6096124', 'Store', NULL, 'a', '{TENANT}'), (DATE '2020-01-31', '6096123', 'Web', 99::DECIMAL(18,2), 'c', 'another'))
        AS rows(SoldOn, LocationId, Channel, "Amount(USD)", Customer, Owner)"""
    sql(f"COPY ({rows}) TO '{folder / 'sales.parquet'}' (FORMAT parquet)")
    (walked.folder / "insightgate-data" / "datasets" / "mpn").mkdir(parents=True, exist_ok=True)
    (walked.folder / "insightgate-data" / "datasets" / "mpn" / "Sales.toml").write_text(definition)
    answer = walked.preview("SELECT Channel, Customers, AmountPerCustomer FROM PartnerSales ORDER BY Customers TIMESPAN LIFETIME")
    assert answer["value"] == [
        {"Channel": "Web", "Customers": 2, "AmountPerCustomer": 7.5},
        {"Channel": "Store", "Customers": 1, "AmountPerCustomer": 0.0},
    ], answer["message"]
    assert "Customer" in walked.preview("SELECT Customer FROM Sales TIMESPAN LIFETIME")["message"]
    answer = walked.preview('SELECT "Amount(USD)", MPNId FROM Sales WHERE [Amount(USD)] > 5 TIMESPAN LIFETIME')
    assert answer["value"] == [{"Amount(USD)": 10.5, "MPNId": "6096123"}], answer["message"]
