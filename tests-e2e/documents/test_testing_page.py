"""docs/testing.md is run as it stands: its pytest and JUnit examples, the steps of its workflow, and each row of its table of failures.

Replaced is what only GitHub has, as the page says: steps with `uses`, and the build of the binary that is under test.
"""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

PAGE = (Path(__file__).parents[2] / "docs/testing.md").read_text()
# What stands under the name of a file.
FILES = dict(re.findall(r"^`([\w./]+)`[^\n]*:\n\n```\w+\n(.*?\n)```$", PAGE, re.M | re.S))
ROWS = re.findall(r"^\| ([^|]+) \| `(insightgate sandbox fault add [^|]+)` \| `(curl [^|]+)` \|$", PAGE, re.M)
REPLACED = {"Build Insightgate"}


@pytest.fixture
def environment(binary):
    """With the binary under test, the interpreter of the tests, and no proxy between them."""
    path = os.pathsep.join([str(binary.resolve().parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": path, "NO_PROXY": "127.0.0.1"}


def write(folder, *names):
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FILES[name])


def ran(command, folder, environment):
    return subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)


def test_the_page_has_what_it_says():
    assert set(FILES) == {"conftest.py", "reports.py", "test_reports.py", "SandboxTest.java", ".github/workflows/integration.yml"}


def test_the_pytest_example(environment, tmp_path):
    write(tmp_path, "conftest.py", "reports.py", "test_reports.py")
    tested = ran([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"], tmp_path, environment)
    assert tested.returncode == 0 and "4 passed" in tested.stdout, tested.stdout


@pytest.mark.parametrize("broken", ["status_code == 429", "status_code == 401"])
def test_the_pytest_example_finds_a_client_that_is_wrong(environment, tmp_path, broken):
    write(tmp_path, "conftest.py", "reports.py", "test_reports.py")
    client = tmp_path / "reports.py"
    assert broken in client.read_text()
    client.write_text(client.read_text().replace(broken, "status_code == 499"))
    tested = ran([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"], tmp_path, environment)
    assert tested.returncode == 1 and "failed" in tested.stdout, tested.stdout


def test_the_junit_example(environment, tmp_path):
    jars = Path(os.environ["JUNIT_FOLDER"])
    platform = os.pathsep.join(str(jars / f"{name}.jar") for name in ("junit-platform-console-standalone", "opentest4j", "apiguardian-api"))
    write(tmp_path, "SandboxTest.java")
    compiled = ran(["javac", "--release", "17", "-Xlint:all", "-cp", platform, "-d", "classes", "SandboxTest.java"], tmp_path, environment)
    assert compiled.returncode == 0, compiled.stdout
    command = ["java", "-cp", os.pathsep.join([platform, "classes"]), "org.junit.platform.console.ConsoleLauncher"]
    tested = ran([*command, "--select-class", "SandboxTest", "--disable-banner", "--fail-if-no-tests"], tmp_path, environment)
    assert tested.returncode == 0 and re.search(r"2 tests successful", tested.stdout), tested.stdout


class Job:
    """A runner's part in a job: the files by which steps hand things on, and the processes that they leave behind."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.environment = dict(environment)
        self.groups = []
        (folder / "temp").mkdir()
        self.log = folder / "temp" / "steps.log"
        self.environment["RUNNER_TEMP"] = str(folder / "temp")
        for name in ("GITHUB_ENV", "GITHUB_PATH"):
            self.environment[name] = str(folder / "temp" / name)
            Path(self.environment[name]).touch()

    def run(self, step):
        """As the runner's default shell does. What a step starts in the background outlives it."""
        with self.log.open("a") as log:
            command = ["bash", "-e", "-c", step["run"]]
            settings = {name: str(value) for name, value in step.get("env", {}).items()}
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment | settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
            self.groups.append(process.pid)
            code = process.wait(300)
        assert code == 0, f"{step['name']}:\n{self.log.read_text()}"
        for line in Path(self.environment["GITHUB_ENV"]).read_text().splitlines():
            name, _, value = line.partition("=")
            self.environment[name] = value

    def end(self):
        for group in self.groups:
            try:
                os.killpg(group, signal.SIGTERM)
            except ProcessLookupError:
                pass


@contextmanager
def job(folder, environment):
    running = Job(folder, environment)
    try:
        yield running
    finally:
        running.end()


def test_the_workflow(environment, tmp_path):
    name = ".github/workflows/integration.yml"
    write(tmp_path, "conftest.py", "reports.py", "test_reports.py", name)
    (job_named,) = yaml.safe_load(FILES[name])["jobs"].values()
    steps = job_named["steps"]
    assert job_named.keys() == {"runs-on", "steps"} and all(step.keys() <= {"name", "uses", "with", "run", "env", "if", "working-directory"} for step in steps)
    own = [step for step in steps if "uses" not in step and step["name"] not in REPLACED]
    assert [step["name"] for step in steps if step.get("working-directory")] == list(REPLACED)
    assert len(steps) == len(own) + 4 and [step["if"] for step in own if "if" in step] == ["failure()"]
    with job(tmp_path, environment) as running:
        for step in own:
            running.run(step)
        log = running.log.read_text()
    assert "4 passed" in log and "scheduledreport" in log, log


@pytest.fixture(scope="module")
def sandbox(start, tmp_path_factory):
    with start(tmp_path_factory.mktemp("page") / "data", "--clock", "manual", "--no-quotas", "--rows", "60") as running:
        yield running


def test_each_row_orders_the_same_failure_twice(environment, sandbox, tmp_path):
    variables = re.search(r"^```sh\n(export INSIGHTGATE_SANDBOX_URL.*?)\n```$", PAGE, re.M | re.S)[1]
    variables = variables.replace("http://127.0.0.1:7080", sandbox.ready["http"])
    url = f"{sandbox.ready['http']}/sandbox/v1/faults"

    def ordered():
        faults = sandbox.session.get(url).json()["faults"]
        return [{name: value for name, value in fault.items() if name != "id"} for fault in faults]

    for what, *commands in ROWS:
        assert sandbox.session.delete(url).status_code == 200
        for command in commands:
            done = ran(["bash", "-e", "-c", f"{variables}\n{command}"], tmp_path, environment)
            assert done.returncode == 0, f"{command}: {done.stdout}"
        by_command, by_http = ordered()
        assert by_command == by_http, what
    refused = sandbox.session.post(url, json={"kind": "none"}).json()["error"]
    known = re.fullmatch(r"'kind' should be one of (.*)\.", refused)[1].split(", ")
    assert {json.loads(re.search(r"-d '(.*)'", by_http)[1]).get("kind", "request") for *_, by_http in ROWS} == set(known), "a kind has no row"
