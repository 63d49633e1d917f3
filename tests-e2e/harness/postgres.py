"""A Postgres of its own on this machine, thrown away at the end; without settings it flushes to the disk as any does. As a program: runs a command while one is up, its address in POSTGRES_URL.

Its programs are found in POSTGRES_BIN, on the PATH or where Debian puts them."""

import glob
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __package__:
    from .ports import free_port
else:
    # As a program it lies in no package.
    from ports import free_port

START_SECONDS = 60
# With log_statement=all: what a line of the log was asked, by either protocol.
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*)")


def programs():
    candidates = [os.environ.get("POSTGRES_BIN", ""), *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]
    found = [Path(folder) for folder in candidates if folder and (Path(folder) / "initdb").exists()]
    if not found and (initdb := shutil.which("initdb")):
        found = [Path(initdb).resolve().parent]
    assert found, "Postgres is needed (Debian and Ubuntu: apt-get install postgresql)"
    return found[0]


class Postgres:
    """Writes to the disk as a real one does; ends with the `with` block."""

    def __init__(self, *settings):
        self.programs, self.port = programs(), free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="insightgate-postgres-"))
        # The server refuses to run as root.
        self.user = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self.data = self.folder / "data"
        self._run("initdb", "-D", self.data, "-U", "insightgate", "--auth=trust", "--encoding=UTF8", "--locale=C")
        self.read = 0
        self.settings = ["listen_addresses=127.0.0.1", f"port={self.port}", f"unix_socket_directories={self.folder}", *settings]
        self.start()

    def _run(self, program, *arguments, check=True):
        command = [self.programs / program, *arguments]
        # Apart: what psql says of a server that goes is no row.
        ran = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, **self.user)
        assert ran.returncode == 0 or not check, ran.stdout + ran.stderr
        return ran

    def start(self):
        flags = [part for setting in self.settings for part in ("-c", setting)]
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [self.programs / "postgres", "-D", self.data, *flags], cwd=self.folder, stdout=log, stderr=log, **self.user
        )
        deadline = time.monotonic() + START_SECONDS
        while self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), check=False).returncode:
            assert self._lives_on(0.05) and time.monotonic() < deadline, (self.folder / "log").read_text()

    def _lives_on(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def kill(self):
        """At once, as when the machine loses power: the next start recovers."""
        self._run("pg_ctl", "stop", "-D", self.data, "-m", "immediate")
        self.process.wait(START_SECONDS)

    def url(self, database="postgres"):
        return f"postgres://insightgate@127.0.0.1:{self.port}/{database}"

    def make(self, database):
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "insightgate", database)
        return self.url(database)

    def sql(self, statement, database="postgres", check=True):
        """Rows as psql prints them, a line each; none where the server is away and that is no fault."""
        connect = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "insightgate", "-d", database]
        ran = self._run("psql", "-X", "-A", "-t", *connect, "-c", statement, check=check)
        return [] if ran.returncode else ran.stdout.splitlines()

    def asked(self):
        """The first line of each statement that it was asked since the last call, with log_statement=all."""
        with open(self.folder / "log", encoding="utf-8") as log:
            log.seek(self.read)
            lines = log.read().splitlines()
            self.read = log.tell()
        return [found[1] for line in lines if (found := STATEMENT.search(line))]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._run("pg_ctl", "stop", "-D", self.data, "-m", "immediate", check=False)
        self.process.wait(START_SECONDS)
        # After hundreds of databases this takes half a minute, for which nobody waits.
        subprocess.Popen(["rm", "-rf", self.folder])


if __name__ == "__main__":
    # No test of ours looks at what a power cut leaves behind here.
    with Postgres("fsync=off", "max_connections=300") as postgres:
        sys.exit(subprocess.run(sys.argv[1:], env=os.environ | {"POSTGRES_URL": postgres.url()}, check=False).returncode)
