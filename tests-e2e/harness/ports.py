"""Ports of this machine that nobody has. Those that the system would choose are given out again before a server that is about to start takes them:
tests run in several processes, and every connection that one opens takes such a port too."""

import itertools
import os
import socket

# Below those that the system chooses from (32768 and more on Linux). A stretch for each process of pytest-xdist, and one for all that run alone.
FIRST, EACH = 20_000, 1_000
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw10").removeprefix("gw")
STRETCH = range(FIRST + EACH * (int(WORKER) % 11), FIRST + EACH * (int(WORKER) % 11 + 1))
# Others of this machine may be doing the same; where one begins is left to chance.
NEXT = itertools.cycle([*STRETCH[os.getpid() % EACH :], *STRETCH[: os.getpid() % EACH]])


def free_port():
    for port in itertools.islice(NEXT, EACH):
        with socket.socket() as probe:
            # As servers do it: a connection that has just ended does not hold the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no port of {STRETCH} is free")
