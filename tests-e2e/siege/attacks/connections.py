"""Connections as attackers: idle ones, heads and bodies that never end, and readers that do not read on."""

import selectors
import socket
import time

from .. import rows
from ..attackers import Attackers, connect, goes_on, port_of
from ..honest import READING
from ..http2 import Connection
from .queries import execution, order, token_of, told

# One client, which is not the honest one.
STRANGER = "127.0.0.2"
# New connections in a second where the server closes them.
AGAIN_A_SECOND = 100
MOST_MEMORY = 512


class Pace:
    """Lets so many through in a second."""

    def __init__(self, a_second):
        self.gap, self.next = 1 / a_second, 0.0

    def may(self):
        now = time.monotonic()
        if now < self.next:
            return False
        self.next = max(self.next + self.gap, now - 1)
        return True


# 4: idle connections


def hold_http2(until, counts, number, port, wanted, source):
    """Connections of HTTP/2 that say nothing after their settings, opened anew where they are closed."""
    held, pace, first = [], Pace(AGAIN_A_SECOND), 0
    while goes_on(until, first, wanted):
        if len(held) < wanted and (first < wanted or pace.may()):
            first += 1
            try:
                held.append(Connection(port, source))
                counts["opened"] += 1
            except OSError:
                counts["refused"] += 1
        else:
            time.sleep(0.02)
        if first >= wanted or first % 50 == 0:
            for connection in held:
                connection.read()
            counts["closed"] += sum(connection.closed for connection in held)
            for connection in held:
                if connection.closed:
                    connection.close()
            held = [connection for connection in held if not connection.closed]
            counts["held at the most"] = max(counts["held at the most"], len(held))


def idle_http2(siege):
    server, wanted = siege.server("http2"), 450
    rows.sales(server, "honest")
    with server.start():
        with siege.under_attack("idle HTTP/2", server, READING) as outcome:
            attackers = Attackers(hold_http2, 1, siege.seconds + 2, port_of(server.https), wanted, STRANGER)
            counts = siege.wait_out(attackers, server)
            outcome.sent = f"{wanted} idle connections of one client, {counts['opened'] + counts['refused']:,} attempts"
            outcome.notes.append(told(counts))
        warned(outcome, server)
    return outcome


def warned(outcome, server):
    outcome.expect(STRANGER in server.log.read_text(errors="replace"), f"the log says nothing of {STRANGER}")


FORM = b"POST /contoso.example/oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
FIRST_WORDS = {
    "silent": b"",
    "half a head": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Half: ",
    "idle after a request": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a dripping body": FORM + b"Content-Length: 60000\r\n\r\n",
}


def hold_http1(until, counts, number, port, wanted, source):
    """Sockets of four kinds, as many of each."""
    chosen, pace = selectors.DefaultSelector(), Pace(AGAIN_A_SECOND)
    kinds, place, dripped = list(FIRST_WORDS), 0, time.monotonic()
    while time.monotonic() < until:
        held = len(chosen.get_map())
        counts["held at the most"] = max(counts["held at the most"], held)
        if held < wanted and (place < wanted or pace.may()):
            kind = kinds[place % len(kinds)]
            place += 1
            try:
                opened = connect(port, source)
                opened.sendall(FIRST_WORDS[kind])
                opened.setblocking(False)
                chosen.register(opened, selectors.EVENT_READ, kind)
                counts["opened"] += 1
            except OSError:
                counts["refused"] += 1
        for key, _ in chosen.select(0 if held < wanted else 0.05):
            try:
                alive = bool(key.fileobj.recv(4096))
            except BlockingIOError:
                alive = True
            except OSError:
                alive = False
            if not alive:
                counts["closed"] += 1
                chosen.unregister(key.fileobj)
                key.fileobj.close()
        if time.monotonic() - dripped > 1:
            dripped = time.monotonic()
            for key in [key for key in chosen.get_map().values() if key.data in ("a dripping body", "half a head")]:
                try:
                    key.fileobj.send(b"a")
                except OSError:
                    pass


def idle_http1(siege):
    server, wanted = siege.server("http1"), 500
    rows.sales(server, "honest")
    with server.start():
        with siege.under_attack("HTTP/1 sockets", server, READING, scheme="http") as outcome:
            attackers = Attackers(hold_http1, 1, siege.seconds + 2, port_of(server.http), wanted, STRANGER)
            counts = siege.wait_out(attackers, server)
            outcome.sent = f"{wanted} silent, half, idle and dripping, {counts['opened'] + counts['refused']:,} attempts"
            outcome.notes.append(told(counts))
        warned(outcome, server)
    return outcome


# 5: half-sent forms

FORM_BYTES = 64 << 10


def half_forms(until, counts, number, port, path, connections, streams):
    """Forms without their end, on each stream of each connection, from ten addresses a process; each stays open."""
    held, body = [], b"a" * (FORM_BYTES - 1)
    sources = [f"127.0.{number + 1}.{place % 10 + 2}" for place in range(connections)]
    place, pace = 0, Pace(AGAIN_A_SECOND)
    while time.monotonic() < until:
        if len(held) < connections and (place < connections or pace.may()):
            try:
                connection = Connection(port, sources[place % connections])
                connection.read(1.0)
                held.append((connection, {}))
                counts["connections"] += 1
            except OSError:
                counts["refused"] += 1
            place += 1
        for connection, sent in held[-1:] if len(held) < connections else held:
            push_forms(connection, sent, path, streams, body, counts)
            if time.monotonic() > until:
                return
        counts["closed"] += sum(connection.closed for connection, _ in held)
        for connection, _ in held:
            if connection.closed:
                counts["streams refused"] += connection.reset
                connection.close()
        held = [(connection, sent) for connection, sent in held if not connection.closed]
        if len(held) >= connections:
            time.sleep(0.05)


def push_forms(connection, sent, path, streams, body, counts):
    """Opens what may be opened, and sends on where the windows let it."""
    connection.read()
    while len(sent) < min(streams, connection.streams) and not connection.closed:
        sent[connection.open_form(path)] = 0
        counts["streams"] += 1
    for stream, done in sent.items():
        if done < len(body) and not connection.closed:
            more = connection.push(stream, body[done:])
            sent[stream] += more
            counts["MiB"] += more / (1 << 20)
            if more:
                connection.read()


def half_sent_forms(siege):
    server = siege.server("forms")
    connections, processes = (40, 2) if siege.short else (195, 2)
    rows.sales(server, "honest")
    path = f"/{server.people['honest']['domain']}/oauth2/token"
    with server.start():
        with siege.under_attack("half-sent forms", server, READING) as outcome:
            attackers = Attackers(half_forms, processes, siege.seconds + (2 if siege.short else 20), port_of(server.https), path, connections, 100)
            counts = siege.wait_out(attackers, server)
            counts["MiB"] = round(counts["MiB"])
            outcome.sent = f"{counts['connections']} connections, {counts['streams']:,} streams, {counts['MiB']:,} MiB without an end"
            outcome.notes.append(told(counts))
        # The short form holds half of what its connections could.
        most = MOST_MEMORY if not siege.short else MOST_MEMORY * 3 // 4
        outcome.expect(outcome.resident < most, f"{outcome.resident} MiB")
    return outcome


# 7: readers that do not read on


def hold_downloads(until, counts, number, port, target, wanted, source):
    """Asks for the file, takes the first bytes, and no more."""
    chosen, pace, place = [], Pace(AGAIN_A_SECOND), 0
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    while time.monotonic() < until:
        if len(chosen) < wanted and (place < wanted or pace.may()):
            place += 1
            try:
                opened = connect(port, source, receive_buffer=4096)
                opened.sendall(request)
                status = int(opened.recv(64).split()[1])
                counts[f"status {status}"] += 1
                if status == 200:
                    chosen.append(opened)
                else:
                    opened.close()
            except (OSError, IndexError):
                counts["refused"] += 1
        else:
            time.sleep(0.05)
        for opened in [opened for opened in chosen if is_broken(opened)]:
            counts["ended by the server"] += 1
            chosen.remove(opened)
            opened.close()
        counts["held at the most"] = max(counts["held at the most"], len(chosen))


# Of struct tcp_info, its first byte: the connection's state; 1 is ESTABLISHED.
ESTABLISHED = 1


def is_broken(opened):
    """Whether the server has ended it, without reading from it."""
    return opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED


def stalled_downloads(siege):
    server, wanted = siege.server("downloads"), 150
    rows.big(siege.site, server, 60_000, "honest")
    rows.sales(server, "honest")
    with server.start():
        # The link has got about: whoever has it stands on the honest tenant's side.
        token = token_of(server, "honest")
        report = order(server, token, "SELECT Id, One, Two, Three FROM Big TIMESPAN LIFETIME")
        while not (found := execution(server, token, report)) or found["executionStatus"] in ("Pending", "Running"):
            server.memory.over.wait(0.1)
        link = found["reportAccessSecureLink"]
        target = link[link.index("/artifacts/") :]
        mix = ("download", "preview", "download", "token", "download", "datasets", "download", "report")
        with siege.under_attack("stalled downloads", server, mix, scheme="http") as outcome:
            arguments = (port_of(server.http), target, wanted // 3)
            attackers = [Attackers(hold_downloads, 1, siege.seconds, *arguments, f"127.0.0.{place}") for place in (2, 3, 4)]
            counts = siege.wait_out(attackers[0], server) + attackers[1].end() + attackers[2].end()
            outcome.sent = f"{wanted} downloads of one link, {found['byteCount'] >> 20} MiB, that stop, from 3 addresses"
            outcome.notes.append(told(counts))
    return outcome
