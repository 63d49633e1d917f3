"""Readers that do not read on, over real connections: their places come back, and their connections end."""

import socket
import ssl
from urllib.parse import urlsplit

import duckdb
import pytest

from harness.demo import RUN_SECONDS
from harness.waiting import eventually

# Far more than the socket buffers of both sides hold.
ROWS = 600_000
# Long enough that two readers hold their places while a third is refused, on a busy machine too.
SLOW_SECONDS = 5
CONFIGURATION = """
[data]
folder = "{folder}"
[downloads]
per_file = 2
slow_seconds = {slow}
[reports]
quotas = false
"""


@pytest.fixture(scope="module")
def served(start, tmp_path_factory):
    with start(tmp_path_factory.mktemp("served") / "data", "--no-quotas", "--rows", "60") as demo:
        table = tmp_path_factory.mktemp("table") / "a.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"COPY (SELECT i AS Id, 'customer ' || hash(i) || ' ' || hash(i + 1) AS Customer FROM range({ROWS}) t(i)) TO '{table}' (FORMAT parquet)")
        added = demo.command("dataset", "add", str(table), "--name", "Large", "--tenant", demo.ready["tenant_id"], "--data-dir", str(demo.data_dir))
        assert added.returncode == 0, added.stderr
        demo.serve(CONFIGURATION.format(folder=demo.data_dir, slow=SLOW_SECONDS), {})
        yield demo


def asked(served, link, scheme):
    """A connection on which the file was asked for, with a small buffer."""
    address = urlsplit(served.ready[scheme])
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    connection.settimeout(RUN_SECONDS)
    connection.connect((address.hostname, address.port))
    if scheme == "https":
        connection = ssl.create_default_context(cafile=served.ready["ca_certificate"]).wrap_socket(connection, server_hostname=address.hostname)
    path = urlsplit(link)
    connection.sendall(f"GET {path.path}?{path.query} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
    assert connection.recv(1024).startswith(b"HTTP/1.1 200")
    return connection


def read_to_the_end(connection):
    """How many bytes there are still, until the connection ends."""
    count = 0
    try:
        while block := connection.recv(1 << 16):
            count += len(block)
    except OSError:
        pass
    return count


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_reader_that_does_not_read_on_is_cut_off(served, scheme):
    execution = served.run(served.create_query("SELECT Id, Customer FROM Large TIMESPAN LIFETIME")["queryId"])
    link = execution["reportAccessSecureLink"]
    held = [asked(served, link, scheme) for _ in range(2)]
    refused = served.download(link)
    assert refused.status_code == 429 and refused.headers["Retry-After"] == "5", refused.text
    # Nobody reads, and the places come back.
    answer = eventually(lambda: (answer := served.download(link)).status_code == 200 and answer, 10 * SLOW_SECONDS)
    assert len(answer.content) == execution["byteCount"]
    for connection in held:
        assert read_to_the_end(connection) < execution["byteCount"] // 2
        connection.close()
    eventually(lambda: any("does not read" in line for line in served.lines))
