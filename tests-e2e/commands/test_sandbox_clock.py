"""`insightgate sandbox clock` on a long way: the server says how far it came, and the command goes on until it is there."""

import json
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from harness.desk import Desk
from harness.loopback import Loopback

TARGET = "2027-11-22T12:00:00Z"
REACHED = ["2026-12-30T08:15:00Z", "2027-06-01T00:45:00Z"]


class SlowClock(Loopback):
    """A sandbox whose clock comes no further than to the next of `REACHED` in each request. It answers when it may."""

    def __init__(self):
        self.asked, self.may_answer = [], threading.Semaphore(0)
        clock = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                clock.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                clock.may_answer.acquire()
                is_there = len(clock.asked) > len(REACHED)
                answer = {"now": TARGET if is_there else REACHED[len(clock.asked) - 1], "mode": "manual"}
                if not is_there:
                    answer |= {"target": TARGET, "error": "The clock stands on the way."}
                text = json.dumps(answer).encode()
                self.send_response(200 if is_there else 409)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        super().__init__(Handler)


@pytest.fixture
def clock():
    with SlowClock() as running:
        yield running


@pytest.fixture
def desk(clock, binary, tmp_path):
    return Desk(binary, {"INSIGHTGATE_SANDBOX_URL": clock.url}, tmp_path)


def test_a_terminal_shows_where_the_clock_is(clock, desk):
    shown = desk.terminal("sandbox", "clock", "advance", "365d").until("the clock is moved")
    for reached in REACHED:
        clock.may_answer.release()
        shown.until(f"the clock is at {reached}")
    clock.may_answer.release()
    assert shown.end() == 0 and shown.text.rstrip().endswith(TARGET), shown.text
    assert [{name: value for name, value in asked.items() if name != "within"} for asked in clock.asked] == [{"advance": "P365D"}, {"now": TARGET}, {"now": TARGET}]


def test_a_pipe_gets_the_time_alone(clock, desk):
    clock.may_answer.release(3)
    ran = desk.ok("sandbox", "clock", "set", TARGET)
    assert (ran.stdout.strip(), ran.stderr.strip()) == (TARGET, "the clock is moved by hand")
