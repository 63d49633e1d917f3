"""The engine's example that answers queries, as a child process."""

import json
import subprocess
import threading

from .language.literals import rfc3339


class Engine:
    def __init__(self, binary, data, scratch, program, definitions=None, workers=2):
        self.process = subprocess.Popen([str(binary)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        world = {"data": str(data), "scratch": str(scratch), "program": program, "workers": workers}
        if definitions:
            world["definitions"] = str(definitions)
        self.process.stdin.write(json.dumps(world) + "\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.stdin.close()
        # It may run where everything else goes first.
        self.process.wait(600)

    def answers(self, requests):
        """The answer of each request, in the order in which they come."""
        requests = list(requests)

        def ask():
            for request in requests:
                self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()

        asking = threading.Thread(target=ask)
        asking.start()
        for _ in requests:
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(f"the engine ended with {self.process.wait()}")
            yield json.loads(line)
        asking.join()

    def answer(self, request):
        return next(iter(self.answers([request])))


def request(number, text, scope, anchor, mode, start=None, end=None):
    asked = {"id": number, "text": text, "mode": mode, "tenant": scope.tenant, "anchor": rfc3339(anchor)}
    if scope.account:
        asked["global_account"] = scope.account
    if scope.roles is not None:
        asked["roles"] = [{"role": role} | ({} if locations is None else {"locations": list(locations)}) for role, locations in scope.roles]
    if start:
        asked["start"] = rfc3339(start)
    if end:
        asked["end"] = rfc3339(end)
    return asked
