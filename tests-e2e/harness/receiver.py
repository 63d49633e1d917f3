"""A receiver of callbacks on this machine, with Python's own server: keeps what it was sent, and answers as it was told to."""

import threading
from http.server import BaseHTTPRequestHandler

from harness.loopback import Loopback


class Receiver(Loopback):
    """Ends with the `with` block. `status` None: it takes the request and never answers."""

    def __init__(self, status=204, headers=()):
        self.status, self.headers, self.received = status, dict(headers), []
        self.ending = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.received.append({"line": f"{self.command} {self.path}", "headers": dict(self.headers), "body": body})
                if receiver.status is None:
                    receiver.ending.wait()
                    return
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        super().__init__(Handler)

    def __exit__(self, *failure):
        self.ending.set()
        super().__exit__(*failure)
