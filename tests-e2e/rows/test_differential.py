"""Generated queries on generated data of many tenants: the engine's answers are DuckDB's, row by row, and hold nothing that belongs to others.

`cargo xtask differential` asks more of them.
"""

import os

import pytest

from differential import compare
from differential.chunk import Chunk
from differential.data import world
from differential.engine import Engine
from differential.language.folding import fold
from differential.many import answer

QUERIES = int(os.environ.get("DIFFERENTIAL_QUERIES", "20000"))
SEED = int(os.environ.get("DIFFERENTIAL_SEED", "4"))


def test_answers_are_those_of_another_engine(queries_binary, capfd):
    with capfd.disabled():
        failures, kinds = answer(queries_binary, SEED, QUERIES, os.cpu_count())
    assert not failures, "\n\n".join(failures)
    # Answers of nothing would always be right.
    for kind, least in {"with rows": 0.4, "with many rows": 0.2, "grouped": 0.25, "redacted": 0.2, "of locations": 0.2, "preview": 0.2, "with notes": 0.1}.items():
        assert kinds[kind] > QUERIES * least, f"only {kinds[kind]} queries {kind}"


def wrong(answer):
    """The same answer with something wrong in it, in every way that it has."""
    if "csv" in answer:
        header, *lines = answer["csv"].splitlines(keepends=True)
        rows, spelled = lines, lambda rows: answer | {"csv": header + "".join(rows)}
        foreign = "mk7x1x" + "," * header.count(",") + "\n"
    else:
        rows, spelled = answer["rows"], lambda rows: answer | {"rows": rows}
        foreign = '{"mk7x1x": 1}'
    yield "a foreign row", spelled([*rows, foreign])
    yield "an error", {"id": 0, "refused_by": "engine", "message": "The query cannot be run."}
    yield "another note", answer | {"notes": [] if answer["notes"] else ["a note"]}
    if rows:
        yield "a row less", spelled(rows[:-1])
        yield "a row twice", spelled([*rows, rows[0]])
        if rows[0] != rows[-1]:
            yield "another order", spelled([rows[-1], *rows[1:-1], rows[0]])


def test_what_is_wrong_is_found(queries_binary, tmp_path):
    """The comparison itself: it has to see what it is there for."""
    chunk, seen = Chunk(1, 0, tmp_path), set()
    with Engine(queries_binary, chunk.world.data, tmp_path / "scratch", world.PROGRAM, world.DATASETS) as engine:
        for index in range(60):
            case, text = chunk.case(index)
            right = engine.answer(chunk.request(index, case, text))
            if "message" in right or '\n"' in right.get("csv", "") or "\r" in right.get("csv", ""):
                continue
            for what, answer in wrong(right):
                try:
                    found, _ = chunk.difference(case, answer)
                except (AssertionError, ValueError) as refused:
                    found = str(refused)
                if what != "another note" or found:
                    seen.add(what)
                    assert found, f"{what} is not seen in the answer to {text}"
    assert seen == {"a foreign row", "an error", "another note", "a row less", "a row twice", "another order"}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("A,B\n", [("A", "B")]),
        ('A\n\n""\n', [("A",), (None,), ("",)]),
        ('A,B\n"say ""hi""","x\ny"\n,\n', [("A", "B"), ('say "hi"', "x\ny"), (None, None)]),
    ],
)
def test_csv_is_read(text, rows):
    assert compare.parse_csv(text) == rows


@pytest.mark.parametrize("text", ['A\n"plain"\n', "A\nx", 'A\nx"y\n', 'A\n"x"y\n', "A\nx,"])
def test_what_is_no_such_csv_is_refused(text):
    with pytest.raises((AssertionError, ValueError, IndexError)):
        compare.parse_csv(text)


def test_letters_fold_simply():
    for text, folded in [("STRASSE Straße", "strasse straße"), ("İIıi", "İiıi"), ("Σςσ", "σσσ"), ("\u212aſ", "ks"), ("ꭰᎠ", "ᎠᎠ"), ("ﬅ", "ﬆ"), ("𐐀ẞ", "𐐨ß")]:
        assert fold(text) == folded
