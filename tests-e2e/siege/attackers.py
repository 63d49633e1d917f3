"""Attackers: processes of their own that run one function each, until their time is over. Their counts are added up.

They have a low priority: real ones sit on other machines and take no processor time of the server.
"""

import os
import queue
import random
import resource
import socket
import ssl
import threading
import time
from collections import Counter

from .honest import processes

# On a busy machine an attack lasts longer, until it was one.
LONGER_SECONDS = 15
# A process that does not end by itself is ended so long after that.
GRACE_SECONDS = 15
CONNECT_SECONDS = 5


class Attackers:
    """`count` processes of `function(until, counts, number, *arguments)`, which returns before `until` (monotonic seconds)."""

    def __init__(self, function, count, seconds, *arguments):
        self.until = time.monotonic() + seconds
        self.results = processes.Queue()
        self.all = [
            processes.Process(target=work, args=(function, number, seconds, self.results, arguments), daemon=True) for number in range(count)
        ]
        for process in self.all:
            process.start()

    def end(self):
        """Waits for all of them; what they counted."""
        total, left = Counter(), len(self.all)
        while left and time.monotonic() < self.until + LONGER_SECONDS + GRACE_SECONDS:
            try:
                total.update(self.results.get(timeout=0.5))
                left -= 1
            except queue.Empty:
                pass
        for process in self.all:
            if process.is_alive():
                process.kill()
            process.join(10)
        return total

    def go_on(self):
        return any(process.is_alive() for process in self.all) and time.monotonic() < self.until + LONGER_SECONDS + GRACE_SECONDS


def in_threads(function, count, until, longer=1):
    """Runs `function(number)` in so many threads of this process, which return at about that time."""
    threads = [threading.Thread(target=function, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.1, until - time.monotonic() + longer))


def work(function, number, seconds, results, arguments):
    os.nice(5)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    counts = Counter()
    try:
        function(time.monotonic() + seconds, counts, number, *arguments)
    except Exception as error:
        counts[f"attacker ended: {error!r:.200}"] += 1
    results.put(counts)


def goes_on(until, done, least):
    """Whether an attack that has done so much goes on: for its time, and then until it has done the least that proves anything."""
    now = time.monotonic()
    return now < until or (done < least and now < until + LONGER_SECONDS)


def strangers(seed):
    """Addresses of 127.0.0.0/8 without an end, none of them the honest caller's 127.0.0.1."""
    dice = random.Random(seed)
    while True:
        yield f"127.{dice.randint(1, 254)}.{dice.randint(0, 255)}.{dice.randint(1, 254)}"


def connect(port, source, receive_buffer=None, tls=None):
    """A socket from that address. `tls` lists the protocols that are offered."""
    plain = socket.socket()
    try:
        plain.settimeout(CONNECT_SECONDS)
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.bind((source, 0))
        plain.connect(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain if tls is None else wrapped(plain, tls)
    except BaseException:
        plain.close()
        raise


def wrapped(plain, protocols):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    return context.wrap_socket(plain)


def read_answer(connection, buffer=b""):
    """Status of one HTTP/1 answer with a length, and what came after it."""
    while b"\r\n\r\n" not in buffer:
        block = connection.recv(1 << 16)
        if not block:
            raise ConnectionError("closed")
        buffer += block
    head, _, rest = buffer.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(rest) < length:
        block = connection.recv(1 << 16)
        if not block:
            raise ConnectionError("closed")
        rest += block
    return int(head.split()[1]), rest[length:]


def port_of(url):
    return int(url.rsplit(":", 1)[1])
