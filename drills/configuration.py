"""Configuration: the example is complete, every problem of a file is told at once, the places of rows and reports are tried, and SIGHUP changes what can be changed."""

import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from drill import Drill

WRONG = """
[server]
http = 7080
colour = "blue"
[limits]
application_percent = 300
"""


class Bucketless(BaseHTTPRequestHandler):
    """An object store in which there is no bucket, or nothing is allowed."""

    status, code = 404, "NoSuchBucket"

    def answer(self):
        body = f"<?xml version='1.0'?><Error><Code>{self.code}</Code><Message>said by the store</Message></Error>".encode()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


with Drill(__doc__) as drill:
    drill.step("The example has every setting, and is a configuration")
    example = drill.run("init", "--config", "-").stdout
    reference = drill.run("init", "--reference").stdout
    drill.expect(example.count("\n# ") > 50 and reference.count("INSIGHTGATE_") > 50, "the example and the page of all settings are written from one table")

    drill.step("A file with three mistakes")
    (drill.folder / "wrong.toml").write_text(WRONG)
    said = drill.run("serve", "--config", "wrong.toml", ends_with=2).stderr
    drill.saw(*said.splitlines())
    drill.expect(all(name in said for name in ("server.http", "colour", "application_percent")), "all three are told at once")

    drill.step("The places of rows and of reports are tried")
    (drill.folder / "insightgate.toml").write_text('[data]\nfolder = "data"\n')
    drill.run("init", "--operator-file", "operator.json")
    drill.saw(*drill.run("store", "check", "--config", "insightgate.toml").stdout.splitlines())

    drill.step("An object store without the bucket, and one that allows nothing")
    store = ThreadingHTTPServer(("127.0.0.1", 0), Bucketless)
    threading.Thread(target=store.serve_forever, daemon=True).start()
    (drill.folder / "away.toml").write_text('[data]\nfolder = "data"\n[artifacts]\nroot = "s3://reports/partner"\n')
    variables = {
        "AWS_ENDPOINT": f"http://127.0.0.1:{store.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "eu-north-1",
        "AWS_ACCESS_KEY_ID": "drill",
        "AWS_SECRET_ACCESS_KEY": "never-to-be-seen",
    }
    for Bucketless.status, Bucketless.code, code in [(404, "NoSuchBucket", 4), (403, "AccessDenied", 3)]:
        said = drill.run("store", "check", "--config", "away.toml", ends_with=code, **variables)
        said = said.stdout + said.stderr
        drill.saw(*[line for line in said.splitlines() if line.startswith(("error:", "hint:"))])
        drill.expect("hint: " in said and "never-to-be-seen" not in said, "a hint says what is missing, and no secret is told")
    store.shutdown()

    drill.step("A running server reads its configuration again")
    server = drill.serve()
    drill.expect(drill.get("/healthz").headers["Content-Type"], "it answers")
    allowed = lambda: drill.request(
        "OPTIONS",
        "/insights/v1/mpn/ScheduledDataset",
        headers={"Origin": "https://app.example", "Access-Control-Request-Method": "GET"},
        quiet=True,
    ).headers.get("Access-Control-Allow-Origin")
    drill.expect(allowed() is None, "no browser application may read its answers")
    (drill.folder / "insightgate.toml").write_text('[server]\ncors_origins = ["https://app.example"]\n[engine]\nthreads = 1\n')
    print("   $ kill -HUP (the server)")
    server.send_signal(signal.SIGHUP)
    drill.until(lambda: allowed() == "https://app.example", "one may now, without a restart")
    # The line is written after the setting holds.
    told = lambda: [line for line in drill.log().splitlines() if "server.cors_origins" in line or "engine.threads" in line]
    both = lambda: all(any(words in line for line in told()) for words in ("holds from now on", "needs a restart"))
    drill.until(both, "the log says what holds, and what waits for a restart")
    drill.saw(*told())
