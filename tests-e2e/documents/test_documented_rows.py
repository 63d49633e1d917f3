"""Every system query and every sample query of the documents, on the demo's data: the rows are DuckDB's, the refusals are the documented ones.

The texts are the repository's own copies of the documents; they are read here by a parser of the tests' own.
"""

from pathlib import Path

import pytest

from differential import compare
from differential.data import files
from differential.engine import Engine, request
from differential.language import definitions, reader
from differential.language.query import Scope
from differential.oracle import Oracle
from differential.translate import has_notes

QUERIES = Path(__file__).parents[2] / "crates" / "query"
PROGRAMS = ["mpn", "cmp"]


def documents(name):
    return definitions.tomllib.loads((QUERIES / name).read_text())["queries"]


SYSTEM = [(query["program"], query["name"], query["text"]) for query in documents("system-queries.toml")]
SAMPLES = documents("tests-data/sample-queries.toml")
VALID = SYSTEM + [(sample["program"], "sample", sample["text"]) for sample in SAMPLES if "refused" not in sample]
VALID += [("mpn", "July 2021", query["text"]) for query in documents("tests-data/queries-of-july-2021.toml")]
REFUSED = [(sample["program"], sample["refused"], sample["text"]) for sample in SAMPLES if "refused" in sample]
# What stands in a text that no row meets, and why: nearly all are the documents' own examples of nothing.
WITHOUT_ROWS = {
    "PGAMpnID='1001xx'": "the id is masked",
    "ResellerMpnId='1051xxx'": "the id is masked",
    "CustomerTenantId='7b487ac0-ce12-b732-dcd6-91a1e4e74a50'": "the ids are invented, and one of them has a blank in front",
    "MarketplaceSubscriptionId='7b487ac0-ce12-b732-dcd6-91a1e4e74a50'": "the ids are invented, and one of them has a blank in front",
    "IsDuplicateRowForPGA = 'False'": "the column holds 0 and 1",
    "SKUBillingType = 'Paided'": "the values are Paid and Free",
    "OrderStatus = 'Cancelled'": "the value is spelled Canceled",
    "CustomerName LIKE '%Contosso%'": "the name is spelled Contoso",
    "DateAcquired <= '2020-06-30'": "without TIMESPAN only the last six months are read",
}


class Documented:
    """One program's data and queries."""

    def __init__(self, program, demo, anchor, engine):
        self.program, self.anchor, self.engine = program, anchor, engine
        self.datasets = definitions.read_folder(QUERIES / "datasets" / program)
        self.scope = Scope(demo.ready["tenant_id"], None)
        data = demo.data_dir / "data"
        self.rows = {(name, self.scope.tenant): files.rows(data, program, dataset, self.scope.tenant) for name, dataset in self.datasets.items()}
        self.oracle = Oracle(self)

    def ask(self, text):
        return self.engine.answer(request(0, text, self.scope, self.anchor, "export"))


@pytest.fixture(scope="module")
def documented(start, queries_binary, tmp_path_factory):
    """By program. The demo's rows are dated relative to its start, and it need not run while they are read."""
    folder = tmp_path_factory.mktemp("documented")
    with start(folder / "data") as demo:
        anchor = demo.now().replace(tzinfo=None)
    engines = [Engine(queries_binary, demo.data_dir / "data", folder / program, program) for program in PROGRAMS]
    yield {program: Documented(program, demo, anchor, engine) for program, engine in zip(PROGRAMS, engines)}
    for engine in engines:
        engine.stop()


def titles(queries):
    return [f"{program}-{number}-{what}" for number, (program, what, _) in enumerate(queries)]


@pytest.mark.parametrize(("program", "what", "text"), VALID, ids=titles(VALID))
def test_rows_are_right(documented, program, what, text):
    world = documented[program]
    query = reader.read(text, world.datasets)
    expected = world.oracle.answer(query, world.scope, world.anchor)
    found = compare.difference(query, world.ask(text), expected, lambda: False, has_notes(query), set())
    assert found is None, f"{text}\n{found}\n{world.oracle.sql(query, world.scope, world.anchor)}"
    why_not = next((why for part, why in WITHOUT_ROWS.items() if part in text), None)
    assert bool(expected) != bool(why_not), f"{len(expected)} rows of {text}, where {why_not or 'some should be'}"


@pytest.mark.parametrize(("program", "why", "text"), REFUSED, ids=titles(REFUSED))
def test_refusals_are_the_documented_ones(documented, program, why, text):
    answer = documented[program].ask(text)
    assert answer["refused_by"] == "check", answer
    if why == "name":
        assert answer["message"].startswith("Incorrect column name: "), answer
    else:
        assert " at line 1, column " in answer["message"], answer


def test_all_are_here():
    assert (len(SYSTEM), len(SAMPLES)) == (31, 77)
