"""Commands of one person of a demo, with a home of their own: nothing of whoever runs the tests comes in, and nothing is left there."""

import base64
import hashlib
import hmac
import json
import os
import struct
import subprocess
import threading

from .demo import RUN_SECONDS


def code(secret, seconds):
    """What an authenticator app shows (RFC 6238): `secret` in base32; `seconds` of the server's clock."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(seconds) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Person:
    """Commands of one person of the demo, with a home of their own."""

    def __init__(self, demo, home):
        self.demo, self.home = demo, home
        self.profile = str(demo.data_dir.parent / f"{demo.data_dir.name}-ready.json")
        outer = {name: value for name, value in os.environ.items() if not name.startswith("INSIGHTGATE_")}
        self.environment = outer | {"HOME": str(home), "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "", "INSIGHTGATE_LOG": "trace"}
        self.folder = home / ".cache" / "insightgate" / "tokens"

    def run(self, *arguments, profile=True, **environment):
        named = ["--profile", self.profile] if profile else []
        command = [self.demo.binary, *arguments, *named]
        return subprocess.run(command, env=self.environment | environment, capture_output=True, text=True, timeout=RUN_SECONDS)

    def ok(self, *arguments, **more):
        ran = self.run(*arguments, **more)
        assert ran.returncode == 0, f"{arguments}: {ran.returncode}\n{ran.stderr}"
        return ran.stdout

    def refused(self, code, *arguments, **more):
        ran = self.run(*arguments, **more)
        assert ran.returncode == code and ran.stdout == "", f"{arguments}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return ran.stderr

    def json(self, *arguments, **more):
        return json.loads(self.ok(*arguments, "--json", **more))

    def write(self, name, **keys):
        """A profile of this person, for --profile or INSIGHTGATE_PROFILE."""
        file = self.home / ".config" / "insightgate" / "profiles.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        shared = {"authority": self.demo.ready["authority"], "ca_certificate": self.demo.ready["ca_certificate"]}
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in (shared | keys).items() if value is not None)
        with file.open("a") as written:
            written.write(f"[{name}]\n{lines}")
        file.chmod(0o600)
        return {"INSIGHTGATE_PROFILE": name}

    def login(self, *flags, **environment):
        return Login(self, flags, self.environment | environment)

    def kept(self):
        (file,) = self.folder.glob("*.json")
        return file

    def issued(self):
        """How many tokens the server has issued."""
        ran = self.run("audit", "--action", "token.issue", "--limit", "1000", "--json", XDG_CACHE_HOME=str(self.home / "operator"))
        assert ran.returncode == 0, ran.stderr
        events = json.loads(ran.stdout)["value"]
        return sum(event["occurrences"] for event in events if event["detail"] == self.demo.ready["resource"])


class Login:
    """An `insightgate login` that waits for its person. It ends with the `with` block."""

    def __init__(self, person, flags, environment):
        command = [person.demo.binary, "login", *flags]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, env=environment, text=True, **pipes)
        self.said = []

    def __enter__(self):
        self.guard = threading.Timer(RUN_SECONDS, self.process.kill)
        self.guard.start()
        return self

    def __exit__(self, *_):
        self.guard.cancel()
        self.process.kill()
        self.process.wait(30)

    def line(self, beginning):
        """The next line on stderr that begins so."""
        for line in self.process.stderr:
            self.said.append(line)
            if line.startswith(beginning):
                return line.strip()
        raise AssertionError("".join(self.said))

    def end(self):
        """Exit code, stdout and stderr, once the command has ended by itself."""
        stdout, rest = self.process.communicate(timeout=RUN_SECONDS)
        return self.process.returncode, stdout, "".join(self.said) + rest
