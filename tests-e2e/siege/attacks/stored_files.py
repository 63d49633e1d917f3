"""Stored files that are not what was recorded: no download of one may end as if it were whole."""

import requests

from .. import rows
from ..outcome import Outcome
from .queries import execution, order, token_of

QUERY = "SELECT Id, One, Two, Three FROM Sales TIMESPAN LIFETIME"


def damaged(siege):
    """In a folder, and in an object store that is not ours."""
    outcome = Outcome("damaged files", "")
    server = siege.server("damaged")
    rows.sales(server, "honest", 20_000)
    with server.start():
        report = finished(server)
        path = server.file_of(report["executionId"])
        ask_damaged(outcome, "folder", server, report, path.read_bytes(), path.write_bytes)
        siege.close(outcome, server)
    in_a_store(siege, outcome)
    outcome.sent = "files cut short, with one byte changed, longer, and none, asked for plain, with gzip and by range"
    return outcome


def in_a_store(siege, outcome):
    from harness.emulators import BUCKET, S3

    store = S3()
    try:
        server = siege.server("damaged-store", artifacts_root=f"s3://{BUCKET}/artifacts")
        server.environment |= store.environment
        rows.sales(server, "honest", 20_000)
        with server.start():
            report = finished(server)
            (key,) = [key for key in store.keys("artifacts/") if report["executionId"] in key]
            whole = store.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            ask_damaged(outcome, "S3", server, report, whole, lambda content: store.client.put_object(Bucket=BUCKET, Key=key, Body=content))
    finally:
        store.close()


def finished(server):
    token = token_of(server, "honest")
    report = order(server, token, QUERY)
    while not (found := execution(server, token, report)) or found["executionStatus"] in ("Pending", "Running"):
        assert server.is_alive()
        server.memory.over.wait(0.1)
    assert found["executionStatus"] == "Completed", found
    return found


def ask_damaged(outcome, where, server, report, whole, put):
    link = report["reportAccessSecureLink"]
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    last = whole[:-1] + bytes([whole[-1] ^ 1])
    asked = {
        "plain": {"Accept-Encoding": "identity"},
        "gzip": {"Accept-Encoding": "gzip"},
        "a range over the middle": {"Accept-Encoding": "identity", "Range": f"bytes={middle - 1000}-{middle + 1000}"},
        "its end": {"Accept-Encoding": "identity", "Range": "bytes=-5000"},
        "from the middle on": {"Accept-Encoding": "identity", "Range": f"bytes={middle}-"},
    }
    for words, headers in asked.items():
        outcome.expect(looks_whole(server, link, headers), f"{where}: the whole file, {words}, is refused")
    kinds = {"cut in half": (whole[:middle], set(asked)), "one byte short": (whole[:-1], set(asked) - {"a range over the middle"})}
    kinds["one byte changed"] = (flipped, set(asked) - {"its end"})
    kinds["its last byte changed"] = (last, set(asked) - {"a range over the middle"})
    kinds["longer by a byte"] = (whole + b"x", {"plain", "gzip"})
    kinds["empty"] = (b"", set(asked))
    for damage, (content, must_fail) in kinds.items():
        put(content)
        for words in sorted(must_fail):
            if damage == "longer by a byte" and looks_whole(server, link, asked[words], expected=whole):
                continue  # All that was recorded came, and no more.
            outcome.expect(not looks_whole(server, link, asked[words]), f"{where}: {damage}, {words}: looks whole")
    put(whole)
    outcome.expect(looks_whole(server, link, asked["plain"]), f"{where}: what was mended is refused")
    outcome.expect("ERROR" in server.log.read_text(errors="replace"), f"{where}: no error in the log")


def looks_whole(server, link, headers, expected=None):
    """Whether a client believes that it has all of it."""
    try:
        answer = requests.get(link, headers=headers, verify=server.ca, timeout=10)
    except requests.RequestException:
        return False
    if answer.status_code not in (200, 206):
        return False
    return expected is None or answer.content == expected
