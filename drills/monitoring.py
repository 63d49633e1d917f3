"""See it: health, metrics, the log and traces of a service; a check that fails is named, with 503, and is well again once it is mended. In a worker too."""

import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from drill import SOURCES, Drill, free_port

FOLLOWED = "a-request-to-follow"


class Collector(BaseHTTPRequestHandler):
    """Takes traces, as an OpenTelemetry collector does."""

    spans = []

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.spans.extend(span for resource in told["resourceSpans"] for scope in resource["scopeSpans"] for span in scope["spans"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def total(text, name, label=""):
    lines = [line for line in text.splitlines() if line.startswith(name) and label in line]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


with Drill(__doc__) as drill:
    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{free_port()}"
    watched = f"http://{address}"

    drill.step("A service with a listener for operators, a log for machines, and a collector of traces")
    traces = f"http://127.0.0.1:{collector.server_port}/v1/traces"
    server = drill.serve(telemetry_address=address, log_format="json", telemetry_traces_url=traces)
    drill.expect(drill.get(f"{watched}/healthz").text == "ok", "it is alive")
    verdicts = {check["name"]: check["ok"] for check in drill.get(f"{watched}/readyz").json["checks"]}
    drill.saw(verdicts)
    drill.expect(all(verdicts.values()), "each check has its own verdict, and all are good")
    drill.expect(drill.get("/metrics").status == 403, "clients do not see the numbers")

    drill.step("A request that is refused, in the numbers, the log and the traces")
    route = 'route="/{tenant}/oauth2/token"'
    before = total(drill.get(f"{watched}/metrics").text, "insightgate_http_requests_total", route)
    drill.request("POST", "/contoso.example/oauth2/token", b"grant_type=client_credentials", {"ms-correlationid": FOLLOWED})
    after = drill.get(f"{watched}/metrics").text
    drill.expect(total(after, "insightgate_http_requests_total", route) == before + 1, "the requests of its route are one more")
    drill.saw(*[line for line in after.splitlines() if line.startswith(("process_resident_memory_bytes ", "insightgate_build_info"))])
    line = drill.until(lambda: next((line for line in drill.log().splitlines() if FOLLOWED in line), None), "the log has a line with its id")
    drill.saw({name: json.loads(line).get(name) for name in ("status", "milliseconds", "bytes", "route", "correlation")})
    drill.until(lambda: any(FOLLOWED in json.dumps(span) for span in Collector.spans), "the collector has a span with its id")

    drill.step("The place of the reports breaks")
    artifacts, aside = drill.folder / "data" / "artifacts", drill.folder / "aside"
    artifacts.rename(aside)
    artifacts.write_text("")
    failing = drill.until(lambda: (answer := drill.get(f"{watched}/readyz", quiet=True)).status == 503 and answer, "it is not ready: 503")
    drill.saw(*[f"{check['name']}: {check['detail']}" for check in failing.json["checks"] if not check["ok"]])
    drill.expect([check["name"] for check in failing.json["checks"] if not check["ok"]] == ["artifacts"], "that check is named, and no other")
    drill.expect(int(failing.headers["Retry-After"]) > 0, "Retry-After says when to ask again")
    drill.expect(drill.get(f"{watched}/healthz").status == 200, "the process is alive: a restart would mend nothing")
    artifacts.unlink()
    aside.rename(artifacts)
    drill.until(lambda: drill.get(f"{watched}/readyz", quiet=True).status == 200, "it is ready again by itself")
    drill.expect(drill.end(server) == 0, "it ends when it is asked to")

    drill.step("A worker, which serves no client, has the same listener")
    drill.serve("", "--roles", "worker", telemetry_address=address)
    text = drill.get(f"{watched}/metrics").text
    drill.expect('loop="executions"' in text and 'loop="schedules"' not in text, "its numbers are those of a worker")

    drill.step("The files for Prometheus and Grafana")
    folder = SOURCES / "deploy" / "monitoring"
    dashboard = json.loads((folder / "grafana-dashboard.json").read_text())
    rules = (folder / "insightgate.rules.yml").read_text()
    drill.expect(len(dashboard["panels"]) > 10 and rules.count("- alert: ") > 10, "there are a dashboard and alerts")
    if promtool := shutil.which("promtool"):
        drill.expect(subprocess.run([promtool, "check", "rules", folder / "insightgate.rules.yml"]).returncode == 0, "Prometheus takes the rules")
    collector.shutdown()
