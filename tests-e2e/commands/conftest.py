"""The command line at a strict imitation of the real service."""

import pytest

from harness.desk import Desk
from harness.imitation import Imitation


@pytest.fixture
def service():
    with Imitation() as imitation:
        yield imitation


@pytest.fixture
def away(service, binary, tmp_path):
    """A desk at the imitation."""
    (tmp_path / "away").mkdir()
    return Desk(binary, service.environment, tmp_path / "away")
