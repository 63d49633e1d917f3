"""Clients that hold on to what they were given: connections without requests, and bodies that never end. Each attack comes from one address, and
an honest client at another is served beside it.
"""

import json
import socket
import subprocess
import time

import pytest

from harness.demo import Demo
from harness.waiting import eventually

# The honest client is answered in time, and memory is measured.
pytestmark = pytest.mark.alone

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
HONEST = "127.0.0.2"


@pytest.fixture(scope="module")
def running(binary, tmp_path_factory):
    with Demo(binary, tmp_path_factory.mktemp("connections") / "data", "--no-quotas", "--rows", "60") as demo:
        yield demo


def place(demo, scheme="http"):
    host, port = demo.ready[scheme].split("://")[1].split(":")
    return host, int(port)


def connect(demo, source="127.0.0.1"):
    return socket.create_connection(place(demo), timeout=20, source_address=(source, 0))


def answer(connection, request):
    """Status and body; the request asks for the connection's end."""
    connection.sendall(request)
    said = b""
    while block := connection.recv(65_536):
        said += block
    head, _, body = said.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


def ask(demo, source=HONEST, path="/healthz"):
    """Status of an honest request on a connection of its own, and the seconds that it took."""
    begun = time.monotonic()
    with connect(demo, source) as connection:
        status, _, _ = answer(connection, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return status, time.monotonic() - begun


def frame(kind, flags, stream, content):
    return len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content


def text(value):
    """A string of HPACK, not compressed."""
    length = len(value)
    return (bytes([length]) if length < 127 else bytes([127, length - 127])) + value.encode()


def peak(process, afresh=False):
    """The most memory that it held, in MiB; `afresh`: from now on."""
    if afresh:
        with open(f"/proc/{process.pid}/clear_refs", "w") as switch:
            switch.write("5")
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def test_idle_connections_of_one_address_shut_nobody_out(running):
    demo, held, served, took = running, [], 0, []
    try:
        for number in range(900):
            connection = connect(demo)
            # Over HTTP/2; connected and silent; half a head; idle after a request.
            kind = [PREFACE, PREFACE, b"", b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"][number % 5]
            try:
                connection.sendall(kind)
            except OSError:
                pass  # It was closed for a later one already.
            held.append(connection)
            if number % 9 == 0:
                status, seconds = ask(demo)
                served += status == 200
                took.append(seconds)
    finally:
        for connection in held:
            connection.close()
    print(f"honest: {served} of {len(took)}, the slowest {max(took) * 1000:.0f} ms")
    assert served == len(took) == 100
    assert max(took) < 5, "a busy machine, not a full one"
    told = [line for line in demo.lines if "server.connections_per_address" in line]
    assert len(told) == 1 and "127.0.0.1" in told[0], told


def test_half_sent_forms_hold_little_memory(running):
    demo, held = running, []
    path = f"/{demo.ready['tenant_id']}/oauth2/token"
    headers = bytes([0x83, 0x86]) + b"\x44" + text(path) + b"\x41" + text("localhost")
    before, served, refused_ = peak(demo.process, afresh=True), 0, 0
    try:
        for number in range(390):
            connection = connect(demo)
            held.append(connection)
            # As much as the windows that a client begins with let it send: HTTP/2's own 64 KiB of a connection.
            forms = [frame(1, 4, stream, headers) + frame(0, 0, stream, b"x" * 640) for stream in range(1, 200, 2)]
            try:
                connection.sendall(PREFACE + b"".join(forms))
            except OSError:
                pass  # The server has had enough.
            if number % 4 == 0:
                served += ask(demo)[0] == 200
            refused_ += ask(demo, source="127.0.0.1", path=f"/{demo.ready['tenant_id']}/oauth2/token")[0] == 429
    finally:
        for connection in held:
            connection.close()
    grown = peak(demo.process) - before
    print(f"honest: {served} of 98; the attacker's own further requests refused: {refused_}; memory grew by {grown:.0f} MiB")
    assert served == 98 and refused_
    assert grown < 64


def test_a_request_names_one_host(running):
    for version, hosts, status in [
        ("1.1", [], 400),
        ("1.1", ["localhost", "localhost"], 400),
        ("1.1", ["localhost", "evil.example"], 400),
        ("1.1", ["localhost, evil.example"], 400),
        ("1.1", ["localhost"], 200),
        ("1.0", [], 200),
    ]:
        lines = [f"GET /healthz HTTP/{version}", *(f"Host: {host}" for host in hosts), "Connection: close"]
        with connect(running) as connection:
            found, head, body = answer(connection, ("\r\n".join(lines) + "\r\n\r\n").encode())
        assert found == status, (version, hosts, head)
        assert b"x-content-type-options: nosniff" in head.lower() and b"cache-control: no-store" in head.lower()
        assert status == 200 or json.loads(body)["statusCode"] == 400


def refused(*command, **environment):
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, **environment)
    assert ran.returncode == 2, ran.stderr
    return ran.stderr


def test_every_address_needs_one_that_clients_use(binary, start, tmp_path):
    at_all = ["--http", "127.0.0.1:0", "--https", "0.0.0.0:0", "--allow-remote", "--data-dir", str(tmp_path / "none")]
    said = refused(binary, "demo", "--once", *at_all)
    assert "hint: " in said and "--public-url" in said, said
    assert "--allow-remote" in refused(binary, "demo", *at_all[:4], "--public-url", "https://demo.example")
    configuration = tmp_path / "insightgate.toml"
    configuration.write_text(f'[data]\nfolder = "{tmp_path}/none"\n[server]\nhttp = "[::]:0"\nhttps = ""\n')
    said = refused(binary, "serve", "--config", str(configuration))
    assert "server.http: [::]:0 " in said and "server.public_url" in said, said
    assert not (tmp_path / "none").exists()
    # Links, issuers and the ready file begin with what was said, in its one form.
    public = "https://demo.example"
    with start(tmp_path / "data", "--allow-remote", "--public-url", "https://Demo.Example:443/", "--rows", "60", https="0.0.0.0:0") as demo:
        ready = demo.ready
        assert ready["https"] == public and ready["api"].startswith(f"{public}/insights/")
        assert ready["authority"] == f"{public}/{ready['tenant_id']}"
        local = ready["http"]
        found = demo.session.get(f"{local}/{ready['tenant_id']}/v2.0/.well-known/openid-configuration").json()
        assert found["issuer"] == f"{public}/{ready['tenant_id']}/v2.0" and found["token_endpoint"].startswith(f"{public}/")
        # The demo's own walk ends well, although nobody resolves that name here.
        demo.ready = ready | {name: ready[name].replace(public, local) for name in ("token_url", "api")}
        report = eventually(lambda: demo.call("GET", "ScheduledReport", params={"reportName": "First report"}).json()["value"])[0]
        link = demo.settled(report["reportId"])[0]["reportAccessSecureLink"]
        assert link.startswith(f"{public}/artifacts/")
        assert demo.download(link.replace(public, local)).status_code == 200
