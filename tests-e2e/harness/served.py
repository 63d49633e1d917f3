"""A running `insightgate serve` that `insightgate init` prepared, and the commands of its operator."""

import fcntl
import json
import os
import pty
import subprocess
import termios
import threading

import requests

from .ports import free_port
from .waiting import heard

START_SECONDS = 120
COMMAND_SECONDS = 60


class Served:
    """Ends with the `with` block. Both the server and the commands log all that they can: no secret may be in it."""

    def __init__(self, binary, folder):
        self.binary, self.folder = str(binary.resolve()), folder
        folder.mkdir(parents=True, exist_ok=True)
        self.url = f"https://127.0.0.1:{free_port()}"
        # Nothing of the person who runs the tests comes in.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("INSIGHTGATE_")} | {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "INSIGHTGATE_SERVER_HTTP": "",
            "INSIGHTGATE_SERVER_HTTPS": self.url.removeprefix("https://"),
            "INSIGHTGATE_LOG": "trace",
        }
        self.profiles = folder / "config" / "insightgate" / "profiles.toml"
        self.lines, self.said, self.process = [], [], None
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(folder / "insightgate-data" / "tls" / "ca.pem")

    def serve(self):
        command = [self.binary, "serve", "--config", "insightgate.toml"]
        self.process = subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.reader = heard(self.process, self.lines, "serving https", START_SECONDS)
        assert self.process.poll() is None, "".join(self.lines)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait(30)
            self.reader.join(30)

    def command(self, *arguments, stdin="", profile="operator", **environment):
        """Any outcome."""
        ran = subprocess.run(
            [self.binary, *arguments],
            cwd=self.folder,
            env=self.environment | ({"INSIGHTGATE_PROFILE": profile} if profile else {}) | environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        self.said.append(ran.stderr)
        return ran

    def ok(self, *arguments, **more):
        """What it printed."""
        ran = self.command(*arguments, **more)
        assert ran.returncode == 0, f"{arguments}: {ran.returncode}\n{self.last_words(ran)}"
        return ran.stdout

    def json(self, *arguments, **more):
        return json.loads(self.ok(*arguments, "--json", **more))

    def refused(self, code, *arguments, **more):
        """The error and the hint of a command that ends with this exit code."""
        ran = self.command(*arguments, **more)
        assert ran.returncode == code, f"{arguments}: {ran.returncode}\n{self.last_words(ran)}"
        lines = [line for line in ran.stderr.splitlines() if line.startswith(("error: ", "hint: "))]
        assert lines and lines[0].startswith("error: "), ran.stderr
        return "\n".join(lines)

    def typed(self, *arguments, answers, hidden=()):
        """Exit code and screen of a command on a terminal of its own, where a person types each answer when its question stands there.

        Those to hidden questions are typed once the terminal does not show them.
        """
        screen, keyboard = "", dict(answers)
        master, terminal = pty.openpty()
        command = [self.binary, *arguments]
        environment = self.environment | {"INSIGHTGATE_PROFILE": "operator", "INSIGHTGATE_LOG": "error"}
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        ) as running:
            os.close(terminal)
            guard = threading.Timer(COMMAND_SECONDS, running.kill)
            guard.start()
            try:
                while block := os.read(master, 4096):
                    screen += block.decode()
                    for question in [question for question in keyboard if question in screen]:
                        while question in hidden and running.poll() is None and termios.tcgetattr(master)[3] & termios.ECHO:
                            os.sched_yield()
                        os.write(master, f"{keyboard.pop(question)}\n".encode())
            except OSError:
                pass  # The other side is closed.
            code = running.wait(COMMAND_SECONDS)
            guard.cancel()
        os.close(master)
        assert not keyboard, f"never asked: {list(keyboard)}\n{screen}"
        return code, screen

    @staticmethod
    def last_words(ran):
        return "\n".join(ran.stderr.splitlines()[-5:])

    def token(self, tenant, **form):
        form = {"grant_type": "password", "resource": "https://api.partnercenter.microsoft.com", "scope": "openid"} | form
        return self.session.post(f"{self.url}/{tenant}/oauth2/token", data=form)

    def datasets(self, token):
        return self.session.get(f"{self.url}/insights/v1/mpn/ScheduledDataset", headers={"Authorization": f"Bearer {token}"})
