"""`insightgate sandbox record` as tests start it."""

import json
import os
import signal
import subprocess
from contextlib import contextmanager

import requests


class Recorder:
    """`insightgate sandbox record`. Ends with the `with` block, as by Ctrl-C."""

    def __init__(self, binary, file, upstream, *flags, certificate=None, https=None):
        self.file = file
        command = [str(binary), "sandbox", "record", "--upstream", upstream, "-o", str(file), "--json", *flags]
        command += ["--https", "127.0.0.1:0", "--data-dir", str(https)] if https else []
        environment = {name: value for name, value in os.environ.items() if not name.startswith("INSIGHTGATE_")}
        environment |= {"INSIGHTGATE_CA_CERTIFICATE": certificate} if certificate else {}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=environment, **pipes)
        text = ""
        while not text.endswith("}\n"):
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            text += line
        self.addresses = json.loads(text)
        self.http, self.https = self.addresses["http"], self.addresses["https"]
        self.session = requests.Session()
        self.session.trust_env = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end()

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.stderr = self.process.communicate(timeout=60)[1]
        return self.stderr

    def written(self):
        """The exchanges, while they are written."""
        whole = self.file.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()[1:]]


@contextmanager
def recording(binary, file, upstream, *flags, **more):
    with Recorder(binary, file, upstream, *flags, **more) as recorder:
        yield recorder
