"""Runs what a Containerfile describes, without an engine: in namespaces of its own, with a root that nobody can write to, and as the user that it names.

As a program it is the container's supervisor: it is started by `unshare`, mounts what an engine would, and runs the commands that it is given, one JSON
list a line on stdin. For each it answers with a line of JSON. The first may be a server, which goes on while others are run."""

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

SECONDS = 120
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
NO_NEW_PRIVILEGES = 38


def instructions(text):
    """The instructions of a Containerfile, by name; lists where they are written as JSON."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.split(" ", 1)
            found[name] = json.loads(value) if value.startswith("[") else value
    return found


class Container:
    """Ends with the `with` block. `root` is an unpacked root, `described` the instructions."""

    def __init__(self, root, described):
        self.described = described
        # Whoever is not root is root of a namespace of users, and nobody else there.
        apart = ["--mount", "--pid", "--net", "--fork", "--kill-child"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
        user = described["USER"] if os.geteuid() == 0 else "0:0"
        command = ["unshare", *apart, sys.executable, __file__, str(root), described["WORKDIR"], described["VOLUME"], user]
        environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(SECONDS)

    def _asked(self, what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the container is gone"
        return json.loads(answer)

    def run(self, *arguments, **environment):
        """The entry point with these arguments, until it ends: its exit code and what it printed."""
        return self._asked({"run": [*self.described["ENTRYPOINT"], *arguments], "environment": environment})

    def start(self, **environment):
        """What the container runs by itself."""
        return self._asked({"start": [*self.described["ENTRYPOINT"], *self.described["CMD"]], "environment": environment})

    def stop(self):
        """What the server printed, and its exit code."""
        return self._asked({"stop": self.described["STOPSIGNAL"]})

    def health(self):
        """The health check, as an engine runs it."""
        flags, command = self.described["HEALTHCHECK"].split(" CMD ")
        assert "--interval" in flags
        return self._asked({"run": json.loads(command), "environment": {}})


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def supervise(root, workdir, volume, user):
    user, group = map(int, user.split(":"))
    mount("--make-rprivate", "/")
    mount("--bind", root, root)
    mount("-o", "remount,bind,ro", root)
    mount("-t", "tmpfs", "-o", f"mode=0700,uid={user},gid={group}", "tmpfs", root + volume)
    mount("-t", "proc", "proc", f"{root}/proc")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))

    def enter():
        os.chroot(root)
        os.chdir(workdir)
        if user:
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)
        ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)

    # Loaded before the root is another one.
    ctypes.CDLL(None)
    served = None
    for line in sys.stdin:
        asked = json.loads(line)
        # As an engine does for a user with a home.
        environment = {"PATH": "/usr/bin", "HOME": workdir} | asked.get("environment", {})
        if "start" in asked:
            served = subprocess.Popen(asked["start"], env=environment, preexec_fn=enter, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            answer = {"running": served.poll() is None}
        elif "stop" in asked:
            served.send_signal(getattr(signal, asked["stop"]))
            answer = {"err": served.communicate(timeout=SECONDS)[1], "code": served.returncode}
        else:
            ran = subprocess.run(asked["run"], env=environment, preexec_fn=enter, capture_output=True, text=True, timeout=SECONDS, check=False)
            answer = {"code": ran.returncode, "out": ran.stdout, "err": ran.stderr}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    supervise(str(Path(sys.argv[1]).resolve()), *sys.argv[2:])
