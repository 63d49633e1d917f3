"""Limits that clients can read: each answer says what is left; beyond it there is 429 with Retry-After; a quota says when a place is free; a reader that takes nothing is cut off."""

import random
import socket
from urllib.parse import quote, urlsplit

from drill import QUERY, Drill

# Far more than what the sockets of both sides hold.
ROWS, ROW_BYTES = 30_000, 400
SETTINGS = {"limits_previews_per_minute": 10, "downloads_least_kib_per_second": 512, "downloads_slow_seconds": 1}


def large_table(folder):
    """Rows that nothing makes smaller."""
    dice = random.Random(1)
    lines = [f"{number},{dice.randbytes(ROW_BYTES // 2).hex()}" for number in range(ROWS)]
    (folder / "large.csv").write_text("\n".join(["Id,Noise", *lines]) + "\n")
    return "large.csv"


def reader_that_stalls(link):
    """Asks for a file, with little room for it, and takes nothing."""
    parts, reader = urlsplit(link), socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect((parts.hostname, parts.port))
    reader.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    return reader


with Drill(__doc__) as drill:
    drill.step("Quotas: the sixth report at once within an hour")
    demo = drill.demo()
    drill.finished(drill.order())
    query = drill.call("POST", "ScheduledQueries", {"Name": "many", "Description": "d", "Query": QUERY}).value[0]["queryId"]
    body = {"ReportName": "one of many", "QueryId": query, "ExecuteNow": True}
    for _ in range(6):
        refused = drill.call("POST", "ScheduledReport", body)
        if refused.status != 200:
            break
    drill.saw(refused.json["message"], refused.json["notes"])
    drill.expect(refused.status == 400 and int(refused.headers["Retry-After"]) > 3000, f"Retry-After: {refused.headers['Retry-After']} s")
    drill.expect("free at" in str(refused.json["notes"]), "the notes name the time at which a place is free")

    drill.step("What is left, asked for")
    limits = drill.call("GET", "limits")
    for one in limits.value[2:6]:
        drill.saw({name: one[name] for name in ("name", "of", "limit", "left", "freeAt")})
    [reports] = [one for one in limits.value if one["name"] == "executeNowReports"]
    drill.expect(reports["left"] == 0 and reports["freeAt"], "no report is left, and it says until when")

    drill.step("The same data served with small limits: ten previews a minute, five of them for one application")
    drill.end(demo)
    large = large_table(drill.folder)
    drill.run("dataset", "add", large, "--name", "Large", "--tenant", drill.ready["tenant_id"], "--data-dir", "data")
    drill.serve("[reports]\nquotas = false\n", **SETTINGS)
    answers = [drill.call("GET", f"ScheduledQueries/testQueryResult?exportQuery={quote(QUERY)}") for _ in range(6)]
    drill.saw(*[f"RateLimit: {answer.headers['RateLimit']}" for answer in answers[:2]])
    drill.expect([answer.status for answer in answers] == [200] * 5 + [429], "five are answered, and the sixth is 429")
    drill.saw(answers[-1].json["message"])
    drill.expect(0 < int(answers[-1].headers["Retry-After"]) <= 60, f"Retry-After: {answers[-1].headers['Retry-After']} s")
    drill.expect(drill.call("GET", "ScheduledDataset").status == 200, "other calls are answered all the same")

    drill.step("A download whose reader takes nothing")
    execution = drill.finished(drill.order(query="SELECT Id, Noise FROM Large TIMESPAN LIFETIME"))
    reader = reader_that_stalls(drill.link(execution))
    line = drill.until(lambda: next((line for line in drill.log().splitlines() if "does not read" in line), None), "it is cut off, and the log says so")
    drill.saw(line)
    reader.close()
    file = drill.get(drill.link(execution))
    drill.expect(len(file.body) == execution["byteCount"], f"another reader gets all {execution['byteCount']:,} bytes")
