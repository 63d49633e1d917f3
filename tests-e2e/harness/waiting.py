"""Waiting for what comes true by itself. Of the standard library alone, since the drills use it too."""

import threading
import time

# Between two looks at a running server, so that asking takes no core from what is waited for.
LOOK_SECONDS = 0.02
# Nobody sets it.
NEVER = threading.Event()


def eventually(question, seconds=60):
    """Asks until the answer is true: for what a running server takes up on its own."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, "it did not come true"
        NEVER.wait(LOOK_SECONDS)
    return answer


def heard(process, lines, beginning, seconds):
    """Adds what the process says on its error output to `lines`, as long as it says something, and returns once a line begins so or none comes any more.
    The answer is the thread that goes on reading."""
    said = threading.Event()

    def read():
        for line in process.stderr:
            lines.append(line)
            if line.startswith(beginning):
                said.set()
        said.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    said.wait(seconds)
    return reader
