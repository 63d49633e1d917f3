"""What passes through the recorder, and what does not: large and packed answers, and what is meant for one host behind it."""

import gzip
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from harness.demo import lives_on, peak_kib
from harness.loopback import Loopback
from harness.waiting import eventually
from recorder import recording

PATIENCE = 30


class Large(BaseHTTPRequestHandler):
    """A store with a file of 50 MB, at another host than the API."""

    PIECE, PIECES = b"0123456789,bcde\n" * 4096, 800
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path.startswith("/insights/"):
            link = f"http://localhost:{self.server.server_port}/container/large.csv?sv=1&sig=a-signature-of-the-store"
            body = json.dumps({"value": [{"reportAccessSecureLink": link}]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        assert "sig=a-signature-of-the-store" in self.path
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(self.PIECE) * self.PIECES))
        self.end_headers()
        for _ in range(self.PIECES):
            self.wfile.write(self.PIECE)


def test_a_large_file_at_another_host_passes_without_memory(binary, tmp_path):
    file = tmp_path / "large.jsonl"
    with Loopback(Large) as upstream, recording(binary, file, upstream.url) as recorder:
        found = recorder.session.get(f"{recorder.http}/insights/v1/mpn/ScheduledReport/execution/x").json()
        link = found["value"][0]["reportAccessSecureLink"]
        assert link.startswith(f"{recorder.http}/link/1/container/large.csv?")
        before, length = peak_kib(recorder.process.pid), 0
        with recorder.session.get(link, stream=True) as answer:
            for piece in answer.iter_content(1 << 16):
                length += len(piece)
        assert length == len(Large.PIECE) * Large.PIECES
        assert peak_kib(recorder.process.pid) - before < 16 * 1024
        body = eventually(lambda: recorder.written()[1:])[0]["answer"]["body"]["file"]
        assert body["bytes"] == length and len(body["sha256"]) == 64
    assert "a-signature-of-the-store" not in file.read_text() and file.stat().st_size < 10_000


class Packing(BaseHTTPRequestHandler):
    """Answers in JSON that are packed in several ways, and keeps the headers of requests."""

    WHOLE = gzip.compress(b'{"value": [], "nextLink": null}')
    # 33 MiB in a few bytes.
    BODIES = {
        "whole": ("gzip", WHOLE),
        "long": ("gzip", gzip.compress(b'"' + b"a" * (33 << 20) + b'"', 1)),
        "cut": ("gzip", WHOLE[:-9]),
        "other": ("br", b"\x0b\x02\x80{\"value\":\"a-secret\"}\x03"),
    }

    def log_message(self, *_):
        pass

    def do_GET(self):
        coding, body = self.BODIES[self.path.rpartition("/")[2]]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Encoding", coding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_packed_answer_is_whole_or_an_error(binary, tmp_path):
    file = tmp_path / "packed.jsonl"
    with Loopback(Packing) as upstream, recording(binary, file, upstream.url) as recorder:

        def ask(name):
            return recorder.session.get(f"{recorder.http}/insights/v1/mpn/{name}", stream=True)

        whole = ask("whole")
        assert "content-encoding" not in whole.headers and whole.json() == {"value": [], "nextLink": None}
        assert [ask(name).status_code for name in ("long", "cut")] == [502, 502]
        other = ask("other")
        assert other.headers["content-encoding"] == "br" and other.raw.read(decode_content=False) == Packing.BODIES["other"][1]
        recorder.end()
    written = recorder.written()
    assert ["broken" in exchange for exchange in written] == [False, True, True, False]
    assert "a-secret" not in file.read_text()


class Meeting(BaseHTTPRequestHandler):
    """An API, and under its other name a host of files. It keeps what it was sent."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.seen.append((self.path, {name.lower() for name in self.headers}))
        place = f"http://localhost:{self.server.server_port}"
        field = {"reportAccessSecureLink": f"{place}/f.csv"} if "execution" in self.path else {"reportLocation": f"{place}/row"}
        body = json.dumps({"value": [field]}).encode() if self.path.startswith("/insights/") else b"A\n1\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json" if self.path.startswith("/insights/") else "text/csv")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "session=of-this-host")
        self.end_headers()
        self.wfile.write(body)


def test_hosts_get_nothing_that_is_meant_for_another(binary, tmp_path):
    recorded = tmp_path / "hosts.jsonl"
    with Loopback(Meeting) as upstream:
        upstream.server.seen = []
        authority = "http://localhost:9"
        with recording(binary, recorded, upstream.url, "--authority", authority) as recorder:
            headers = {"Cookie": "session=of-the-authority", "Authorization": "Bearer token-of-the-api"}

            def ask(path):
                answer = recorder.session.get(recorder.http + path, headers=headers, allow_redirects=False)
                assert not answer.cookies
                return answer

            # A row names a place; the recorder does not go there.
            ask("/insights/v1/mpn/ScheduledQueries/testQueryResult")
            assert ask("/link/1/row").status_code == 404
            link = ask("/insights/v1/mpn/ScheduledReport/execution/x").json()["value"][0]["reportAccessSecureLink"]
            assert ask(link.removeprefix(recorder.http)).text == "A\n1\n"
            page = ask("/common/oauth2/v2.0/authorize?client_id=a&state=b")
            assert page.status_code == 307 and page.headers["location"] == f"{authority}/common/oauth2/v2.0/authorize?client_id=a&state=b"
            assert ask("/insights/..%2fmanage/v1/tenants").status_code == 404
            ask("/insights/v1/mpn/ann@contoso.example/token-of-the-api")
        preview, execution, file, _ = upstream.server.seen
    text = recorded.read_text()
    assert "/mpn/user-1@redacted.example/***" in text and "contoso" not in text and "token-of-the-api" not in text
    assert all("authorization" in sent and "cookie" not in sent for _, sent in (preview, execution))
    assert file[0] == "/f.csv" and not file[1] & {"authorization", "cookie"}


def test_ctrl_c_amid_a_download_leaves_a_whole_file(binary, tmp_path):
    held = threading.Event()

    class Held(Large):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/csv")
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"A,B\n1,2\n")
            self.wfile.flush()
            held.wait(PATIENCE)

    file = tmp_path / "held.jsonl"
    with Loopback(Held) as upstream, recording(binary, file, upstream.url) as recorder:
        answer = recorder.session.get(f"{recorder.http}/artifacts/x.csv", stream=True)
        assert next(answer.iter_content(4)) == b"A,B\n"
        said = recorder.end()
        held.set()
    assert recorder.process.returncode == 0 and "1 exchange is in" in said, said
    lines = file.read_text().splitlines()
    assert len(lines) == 2 and json.loads(lines[1])["broken"] and file.read_text().endswith("\n")


def test_an_upstream_that_is_not_there(binary, tmp_path):
    file = tmp_path / "nobody.jsonl"
    with Loopback(Large) as upstream:
        pass
    with recording(binary, file, upstream.url) as recorder:
        answer = recorder.session.get(f"{recorder.http}/insights/v1/mpn/ScheduledDataset")
        assert answer.status_code == 502 and answer.json()["statusCode"] == 502 and "cannot reach" in answer.json()["message"]
        assert recorder.session.post(f"{recorder.http}/sandbox/v1/reset").status_code == 404
        assert recorder.session.get(f"{recorder.http}/manage/v1/tenants").status_code == 404
        # A path is a stranger's words: the terminal is not to obey the C1 control in it.
        with socket.create_connection(("127.0.0.1", urlsplit(recorder.http).port)) as caller:
            caller.sendall("GET /insights/v1/mpn/\u009b31m HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            assert caller.makefile("rb").readline().split()[1] == b"502"
        said = recorder.end()
    assert "/insights/v1/mpn/\ufffd31m" in said and "\u009b" not in said
    assert [line for line in said.splitlines() if line.startswith("GET ")] and json.loads(file.read_text().splitlines()[1])["broken"]
    assert not lives_on(recorder.process, 0)
