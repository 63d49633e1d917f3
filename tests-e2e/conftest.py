"""What all tests have. The only conftest.py: a second one would take its name, by which a test imports from it."""

import os
import tempfile
from pathlib import Path

import duckdb
import pytest

from harness.demo import Demo
from harness.desk import Desk
from harness.imitation import Imitation


# What is started from here warns of variables that mean nothing to it.
BINARY = os.environ.pop("INSIGHTGATE_BIN", None)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Where tests are spread over processes, the one that spreads them has taken the variable away."""
    node.workerinput["binary"] = BINARY


def pytest_configure(config):
    global BINARY
    BINARY = getattr(config, "workerinput", {}).get("binary", BINARY)
    # Commands keep tokens between them: not among those of the person who runs the tests.
    folder = tempfile.TemporaryDirectory(prefix="insightgate-tokens-")
    config.add_cleanup(folder.cleanup)
    os.environ["XDG_CACHE_HOME"] = folder.name


@pytest.fixture(scope="session")
def binary():
    path = BINARY
    if not path:
        pytest.exit("INSIGHTGATE_BIN names the binary: run `cargo xtask test --only e2e`", 2)
    return Path(path)


@pytest.fixture(scope="session")
def queries_binary():
    """The engine's example that answers queries without a server."""
    return Path(os.environ["ANSWER_QUERIES_BIN"])


@pytest.fixture(scope="session")
def tables():
    """The folder of published tables."""
    return Path(os.environ["VEGA_DATASETS"])


@pytest.fixture(scope="session")
def start(binary):
    return lambda data_dir, *flags, **more: Demo(binary, data_dir, *flags, **more)


@pytest.fixture(scope="session")
def demo(start, tmp_path_factory):
    """One server for all tests that leave it as it is."""
    with start(tmp_path_factory.mktemp("demo") / "data", "--no-quotas", "--rows", "300") as running:
        yield running


@pytest.fixture
def desk(demo, binary, tmp_path):
    """A desk at the demo."""
    (tmp_path / "home").mkdir()
    profile = demo.data_dir.parent / f"{demo.data_dir.name}-ready.json"
    return Desk(binary, {"INSIGHTGATE_PROFILE": str(profile)}, tmp_path / "home")


@pytest.fixture
def service():
    """A strict imitation of the real service."""
    with Imitation() as imitation:
        yield imitation


@pytest.fixture
def away(service, binary, tmp_path):
    """A desk at the imitation."""
    (tmp_path / "away").mkdir()
    return Desk(binary, service.environment, tmp_path / "away")


@pytest.fixture
def sql():
    """Rows of a query, by an engine that is not ours."""
    with duckdb.connect() as connection:
        yield lambda text, *values: connection.execute(text, values).fetchall()
