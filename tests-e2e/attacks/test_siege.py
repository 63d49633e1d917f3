"""Attacks on a running server, in their short forms: an honest caller beside each keeps its answers. `cargo xtask siege` lets them last."""

import pytest

from siege.attacks import ATTACKS
from siege.server import Site
from siege.siege import Siege

# An honest caller is answered in time: others would take the time.
pytestmark = pytest.mark.alone

SECONDS = 4


@pytest.fixture(scope="module")
def siege(binary, tmp_path_factory):
    return Siege(Site(binary, tmp_path_factory.mktemp("siege")), SECONDS, short=True)


@pytest.mark.parametrize("name", ATTACKS)
def test_withstands(siege, name):
    outcome = ATTACKS[name](siege)
    assert not outcome.faults, "\n".join([f"the attacker sent {outcome.sent}", *outcome.faults, *outcome.notes])
