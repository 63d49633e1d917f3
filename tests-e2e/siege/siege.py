"""What an attack is given: the prepared site, how long it may last, and the frame around it of a server and an honest caller."""

import time
from contextlib import contextmanager

from .honest import DAY, Honest
from .outcome import Outcome
from .server import written

# A short form runs on a small machine and in an unoptimised build, where one request alone can take a quarter of a second.
SHORT_SLACK = (3.0, 3.0)


class Siege:
    def __init__(self, site, seconds, short):
        self.site, self.seconds, self.short = site, seconds, short
        # The honest caller alone, before the attack begins.
        self.calm = 1.0 if short else 3.0

    def server(self, name, **settings):
        return self.site.server(name, **settings)

    @contextmanager
    def under_attack(self, name, server, mix=DAY, count_rows=True, **honest):
        """The server has been started. The block is the attack: it says in the outcome what it sent, and adds what it finds. What it prepares goes before."""
        outcome = Outcome(name, "")
        before = server.rows() if count_rows else {}
        pause = server.memory.over
        with Honest(server, mix, **honest) as caller:
            begun = time.monotonic()
            pause.wait(self.calm)
            start = time.monotonic()
            yield outcome
            end = time.monotonic()
        outcome.calm, outcome.answers = caller.answers.between(begun, start), caller.answers.between(start, end)
        outcome.expect(outcome.answers.all, "the honest caller told nothing")
        self.close(outcome, server, before)

    def close(self, outcome, server, before=None):
        """The figures that every attack has."""
        server.memory.look()
        outcome.resident, outcome.own = server.memory.resident, server.memory.own
        if before:
            outcome.rows = written(before, server.rows())
        outcome.expect(server.is_alive(), "the server has ended:\n" + server.last_words())
        outcome.judge(*(SHORT_SLACK if self.short else ()))

    def wait_out(self, attackers, server, every=0.2):
        """Until the attackers are over; ends early with the server. What they counted."""
        while attackers.go_on() and server.is_alive():
            server.memory.over.wait(every)
        return attackers.end()
