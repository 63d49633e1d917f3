"""The command line as a person at a desk has it: with a profile or the environment, and with or without a terminal."""

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import termios
import time

from harness.demo import RUN_SECONDS


class Desk:
    """Commands with nothing of the person who runs the tests in them. `environment` leads them to a server."""

    def __init__(self, binary, environment, folder):
        self.binary, self.folder = str(binary), folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("INSIGHTGATE_")}
        self.environment = kept | {"XDG_CONFIG_HOME": str(folder / "config"), "HOME": str(folder)} | environment

    def command(self, *arguments, stdin="", text=True, **environment):
        return subprocess.run(
            [self.binary, *arguments],
            env=self.environment | environment,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=text,
            timeout=RUN_SECONDS,
        )

    def ok(self, *arguments, **more):
        ran = self.command(*arguments, **more)
        assert ran.returncode == 0, f"{arguments}: {ran.returncode}\n{ran.stderr}"
        return ran

    def json(self, *arguments, **more):
        return json.loads(self.ok(*arguments, "--json", **more).stdout)

    def refused(self, code, *arguments, **more):
        """What a failed command says: one line of the error, and at most one of a hint."""
        ran = self.command(*arguments, **more)
        assert ran.returncode == code, f"{arguments}: {ran.returncode}\n{ran.stderr}"
        lines = ran.stderr.splitlines()
        assert ran.stdout == "" and lines[0].startswith("error: "), ran.stderr
        assert len(lines) == 1 or (len(lines) == 2 and lines[1].startswith("hint: ")), ran.stderr
        return ran.stderr

    def terminal(self, *arguments):
        return Terminal(self, arguments)


class Terminal:
    """A command on a terminal of its own, whose keys go to it."""

    def __init__(self, desk, arguments):
        self.screen, keyboard = pty.openpty()
        fcntl.ioctl(keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.process = subprocess.Popen(
            [desk.binary, *arguments],
            env=desk.environment | {"TERM": "xterm"},
            cwd=desk.folder,
            stdin=keyboard,
            stdout=keyboard,
            stderr=keyboard,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(keyboard)
        self.text = ""

    def until(self, words):
        deadline = time.monotonic() + RUN_SECONDS
        while words not in self.text:
            assert time.monotonic() < deadline, f"{words!r} did not come: {self.text!r}"
            assert self.read(), f"{words!r} did not come before the end: {self.text!r}"
        return self

    def read(self):
        """False at the end."""
        if not select.select([self.screen], [], [], RUN_SECONDS)[0]:
            return False
        try:
            more = os.read(self.screen, 4096)
        except OSError:
            # The other side is closed.
            return False
        self.text += more.decode(errors="replace")
        return bool(more)

    def press(self, key):
        os.write(self.screen, key)

    def end(self):
        """The exit code, once the command is over."""
        while self.read():
            pass
        code = self.process.wait(RUN_SECONDS)
        os.close(self.screen)
        return code
