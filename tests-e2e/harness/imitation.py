"""A strict imitation of the real service, out of answers that its documents show: only the documented calls, fields and statuses are taken.

What a test wants to go wrong it says in the attributes. Nothing here is the project's own code.
"""

import copy
import gzip
import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ANSWERS = Path(__file__).parent.parent / "commands" / "documented"
STATUSES = {"Pending", "Running", "Paused", "Completed"}
FILE = "MPNId,MonthlyActiveUsers\n" + "".join(f"{number},{number * 7}\n" for number in range(2000))


def documented(name):
    return json.loads((ANSWERS / f"{name}.json").read_text())


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that goes away is no news."""


class Imitation:
    def __init__(self):
        self.queries, self.reports, self.executions = [], [], {}
        self.file = FILE.encode()
        # The calls as (method, path), in their order, and the headers of each.
        self.calls, self.headers = [], []
        # Answers in the spelling that some pages show, and with a mark before them.
        self.capitals = self.mark = False
        # How many polls find nothing, then a queued and a running execution each, then one without its link; None: for ever.
        self.unseen, self.queued, self.unlinked = 0, 0, 0
        # Tokens end after so many calls.
        self.calls_of_a_token = None
        # Answers in the place of the next calls: (the beginning of "METHOD /path", status, headers, body).
        self.instead = []
        # The connection is cut after so many bytes of each of the next downloads.
        self.cuts = []
        # Links end with the first cut.
        self.links_end = False
        # The store keeps files compressed.
        self.zipped = False
        # Called with each call.
        self.watch = lambda call: None
        self.signatures, self.tokens, self.lock = set(), {}, threading.RLock()
        # What was called against the documents.
        self.broken = []

    def lose_reports_after(self, polls):
        """Reports are gone once their executions were asked for so often."""
        asked = []

        def lose(call):
            if call.startswith("GET /insights/v1/mpn/ScheduledReport/execution"):
                asked.append(call)
                if len(asked) > polls:
                    self.reports.clear()

        self.watch = lose

    def __enter__(self):
        self.server = Server(("127.0.0.1", 0), handler_of(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        assert not self.broken, self.broken

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def environment(self):
        """What leads the command line here."""
        return {
            "INSIGHTGATE_AUTHORITY": f"{self.address}/contoso.example",
            "INSIGHTGATE_CLIENT_ID": "a3f2b1c4-0000-4000-8000-000000000001",
            "INSIGHTGATE_CLIENT_SECRET": "s3cret-of-the-application",
            "INSIGHTGATE_USERNAME": "analyst@contoso.example",
            "INSIGHTGATE_PASSWORD": "p4ss-of-the-user",
        }

    def left(self):
        """The names of what is there."""
        return [query["name"] for query in self.queries] + [report["reportName"] for report in self.reports]

    def count(self, beginning):
        return sum(f"{method} {path}".startswith(beginning) for method, path in self.calls)

    # Calls

    def token(self, form):
        wanted = {"resource": ["https://api.partnercenter.microsoft.com"], "scope": ["openid"], "client_secret": ["s3cret-of-the-application"]}
        if form.get("grant_type") == ["refresh_token"] and self.tokens:
            wanted["refresh_token"] = [documented("token")["refresh_token"]]
        else:
            wanted |= {"grant_type": ["password"], "password": ["p4ss-of-the-user"]}
        assert {name: form.get(name) for name in wanted} == wanted, form
        token = str(uuid.uuid4())
        self.tokens[token] = 0
        return 200, documented("token") | {"access_token": token}

    def signed_in(self, authorization):
        token = (authorization or "").removeprefix("Bearer ")
        if token not in self.tokens:
            return False
        self.tokens[token] += 1
        return self.calls_of_a_token is None or self.tokens[token] <= self.calls_of_a_token

    def call(self, method, path, query, body):
        match [method, *path]:
            case ["GET", "ScheduledDataset"]:
                return self.listed(documented("datasets")["value"], query, {"datasetName": "datasetName"})
            case ["GET", "ScheduledQueries"]:
                only = {"queryId": "queryId", "queryName": "name", "includeSystemQueries": None, "includeOnlySystemQueries": None}
                return self.listed(self.queries, query, only)
            case ["POST", "ScheduledQueries"]:
                fields(body, {"Name", "Query"}, {"Description"})
                made = documented("query") | {"queryId": str(uuid.uuid4()), "name": body["Name"], "query": body["Query"]}
                self.queries.append(made)
                return self.envelope([made], "Query created successfully")
            case ["DELETE", "ScheduledQueries", id]:
                return self.removed(self.queries, "queryId", id)
            case ["GET", "ScheduledReport"]:
                return self.listed(self.reports, query, {"reportId": "reportId", "reportName": "reportName", "queryId": "queryId"})
            case ["POST", "ScheduledReport"]:
                return self.new_report(body)
            case ["DELETE", "ScheduledReport", id]:
                return self.removed(self.reports, "reportId", id)
            case ["GET", "ScheduledReport", "execution", id]:
                return self.polled(id, query)
        return 404, documented("not_found")

    def new_report(self, body):
        known = {"Description", "StartTime", "RecurrenceInterval", "RecurrenceCount", "Format", "CallbackUrl", "CallbackMethod"}
        fields(body, {"ReportName", "QueryId", "ExecuteNow"}, known | {"QueryStartTime", "QueryEndTime"})
        assert body["ExecuteNow"] or {"StartTime", "RecurrenceInterval"} <= set(body), body
        assert body.get("Format", "csv") in ("csv", "tsv"), body
        query = next(query for query in self.queries if query["queryId"] == body["QueryId"])
        once = {"executeNow": True, "reportStatus": "Inactive", "recurrenceInterval": -1, "recurrenceCount": 1} if body["ExecuteNow"] else {}
        made = documented("report") | {"reportId": str(uuid.uuid4()), "reportName": body["ReportName"], "queryId": query["queryId"]}
        made |= {"query": query["query"], "format": body.get("Format", "csv")} | once
        self.reports.append(made)
        self.executions[made["reportId"]] = [str(uuid.uuid4()), 0]
        return self.envelope([made], "Report created successfully")

    def polled(self, report, query):
        assert set(query) <= {"executionId", "executionStatus", "getLatestExecution"}, query
        status = query.get("executionStatus", ["Completed"])[0]
        if ";" in status or status not in STATUSES:
            # As it was seen: the documents name a list, and the service refuses it.
            return self.envelope([], f"Requested value '{status}' not found", 400)
        if report not in {there["reportId"] for there in self.reports}:
            return 404, documented("not_found")
        found, polls = self.executions[report]
        if status == "Completed":
            self.executions[report][1] += 1
        if None in (self.unseen, self.queued, self.unlinked):
            now = "Pending" if polls >= (self.unseen or 0) else None
        elif polls < self.unseen:
            now = None
        elif polls < self.unseen + self.queued:
            now = "Pending"
        elif polls < self.unseen + 2 * self.queued:
            now = "Running"
        else:
            now = "Completed"
        if now != status:
            return 404, documented("not_found")
        execution = documented("execution") | {"executionId": found, "reportId": report, "executionStatus": now}
        if now == "Completed" and polls >= self.unseen + 2 * self.queued + self.unlinked:
            signature = str(uuid.uuid4())
            self.signatures.add(signature)
            location = f"{self.address}/artifacts/{found}.csv"
            execution |= {"reportLocation": location, "reportAccessSecureLink": f"{location}?sv=2019-02-02&sr=b&sig={signature}&se=x&sp=r"}
        return self.envelope([execution], None)

    def listed(self, items, query, known):
        assert set(query) <= set(known), query
        for name, values in query.items():
            if known[name]:
                items = [item for item in items if item[known[name]].lower() == values[0].lower()]
        return self.envelope(items, "fetched successfully") if items else (404, documented("not_found"))

    def removed(self, items, key, id):
        found = [item for item in items if item[key] == id]
        for item in found:
            items.remove(item)
        return self.envelope(found, "deleted successfully") if found else (404, documented("not_found"))

    def envelope(self, items, message, status=200):
        items = copy.deepcopy(items)
        return status, documented("not_found") | {"value": items, "totalCount": len(items), "message": message, "statusCode": status}


def fields(body, needed, optional):
    assert needed <= set(body) <= needed | optional, body


def capitals(value):
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: capitals(inner) for name, inner in value.items()}
    return [capitals(inner) for inner in value] if isinstance(value, list) else value


def handler_of(imitation):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do(self):
            try:
                self.answer()
            except (AssertionError, KeyError, StopIteration) as broken:
                imitation.broken.append(f"{self.command} {self.path}: {broken!r}")
                self.send(500, {}, b"")

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            address = urlsplit(self.path)
            call = f"{self.command} {address.path}"
            with imitation.lock:
                imitation.calls.append((self.command, self.path))
                imitation.headers.append({name.lower(): value for name, value in self.headers.items()})
                imitation.watch(call)
                for planned in imitation.instead:
                    if call.startswith(planned[0]):
                        imitation.instead.remove(planned)
                        return self.planned(*planned[1:])
                if address.path == "/contoso.example/oauth2/token":
                    return self.json(*imitation.token(parse_qs(body.decode())))
                if address.path.startswith("/artifacts/"):
                    content = self.download(parse_qs(address.query))
                elif not imitation.signed_in(self.headers.get("Authorization")):
                    return self.json(401, documented("not_found") | {"message": "Unauthorized", "statusCode": 401})
                else:
                    assert self.headers.get("Content-Type") == "application/json", "the documents ask for it on every call"
                    parts = address.path.split("/")
                    assert parts[:4] == ["", "insights", "v1", "mpn"], parts
                    return self.json(*imitation.call(self.command, parts[4:], parse_qs(address.query), json.loads(body) if body else None))
            # A client that reads slowly holds nobody else up.
            self.send(*content)

        do_GET = do_POST = do_PUT = do_DELETE = do

        def planned(self, status, headers, body):
            if status is None:
                # No answer at all.
                self.close_connection = True
                return
            self.send(status, headers, body)

        def json(self, status, value):
            if status is None:
                # The answer is lost.
                self.close_connection = True
                return
            text = json.dumps(capitals(value) if imitation.capitals and "access_token" not in value else value).encode()
            mark = b"\xef\xbb\xbf" if imitation.mark else b""
            self.send(status, {"Content-Type": "application/json; charset=utf-8"}, mark + text)

        def send(self, status, headers, body, claimed=None):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if claimed is None else claimed))
            self.end_headers()
            self.wfile.write(body)

        def download(self, query):
            """What is to be sent."""
            assert "Authorization" not in self.headers, "links carry their own permission"
            if query.get("sig", [""])[0] not in imitation.signatures:
                return (403, {"Content-Type": "application/xml"}, b"<?xml version='1.0'?><Error><Code>AuthenticationFailed</Code></Error>")
            whole = gzip.compress(imitation.file, mtime=0) if imitation.zipped else imitation.file
            headers = {"ETag": '"0x8D4BCC2E4835CD0"', "Content-Type": "text/csv", "Accept-Ranges": "bytes"}
            headers |= {"Content-Encoding": "gzip"} if imitation.zipped else {}
            status, start, wanted = 200, 0, self.headers.get("Range")
            if wanted and self.headers.get("If-Range", headers["ETag"]) == headers["ETag"]:
                status, start = 206, int(wanted.removeprefix("bytes=").removesuffix("-"))
                headers["Content-Range"] = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
            rest = whole[start:]
            if not imitation.cuts:
                return status, headers, rest
            if imitation.links_end:
                imitation.signatures.clear()
            self.close_connection = True
            return status, headers, rest[: imitation.cuts.pop(0)], len(rest)

    return Handler
