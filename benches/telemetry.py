"""What metrics and the log cost: grants and authenticated reads a second, beside a build without them and beside the same build without a log, in one
run. Also the memory of an idle server, and the time from its start to its first answer: these alone, where no other build is named. Run by
`cargo xtask bench telemetry`.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from tokens import CONNECTIONS, DATASET, Wrk, load_options, time_on_cores, without_faults

sys.path.insert(0, str(Path(__file__).parent.parent / "tests-e2e"))
from harness.demo import lives_on  # noqa: E402
from harness.ports import free_port  # noqa: E402

START_SECONDS = 120
IDLE_SECONDS = 5
STARTS = 10


def environment(**settings):
    return {name: value for name, value in os.environ.items() if not name.startswith("INSIGHTGATE_")} | settings


class Server:
    """A demo whose log goes into a file, as a service's does. Ends with the `with` block."""

    def __init__(self, name, binary, log, out):
        folder = out / f"telemetry-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        ready = folder / "ready.json"
        command = [str(binary), "demo", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--rows", "60", "--ready-file", str(ready)]
        command += ["--data-dir", str(folder / "data")]
        with open(folder / "log", "wb") as told:
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told, env=environment(INSIGHTGATE_LOG=log))
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if not lives_on(self.process, 0.05) or time.monotonic() > deadline:
                sys.exit(f"{name} did not start: {(folder / 'log').read_text()}")
        told = json.loads(ready.read_text())
        self.token_url = f"{told['http']}/{told['tenant_id']}/oauth2/token"
        self.dataset = f"{told['http']}/insights/v1/mpn/ScheduledDataset?datasetName={DATASET}"
        client = {name: told[name] for name in ("client_id", "client_secret", "resource")}
        self.alone = {"grant_type": "client_credentials", **client}
        self.password = {"grant_type": "password", **client, "username": told["username"], "password": told["password"]}

    def __enter__(self):
        data = urllib.parse.urlencode(self.password).encode()
        with urllib.request.urlopen(self.token_url, data) as answer:
            self.token = json.load(answer)["access_token"]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def measure(self, wrk, what, seconds):
        before = time_on_cores(self.process.pid)
        if what == "read":
            result = wrk.run(self.dataset, seconds, token=self.token)
        else:
            result = wrk.run(self.token_url, seconds, form=self.alone)
        without_faults(result, what)
        return result | {"cpu_us": round((time_on_cores(self.process.pid) - before) * 1e6 / result["requests"], 2)}


def start_and_idle(binary, out):
    """Milliseconds to the first answer, and MiB while nothing is asked, of a server whose folder is there."""
    folder = out / "telemetry-idle"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "insightgate.toml").write_text("")
    starts = []
    for number in range(STARTS + 1):
        port = free_port()
        settings = environment(INSIGHTGATE_SERVER_HTTP=f"127.0.0.1:{port}", INSIGHTGATE_SERVER_HTTPS="")
        command = [str(binary), "serve", "--config", "insightgate.toml"]
        begun = time.monotonic()
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=settings) as process:
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").close()
                    break
                except urllib.error.URLError:
                    if not lives_on(process, 0.001):
                        sys.exit("the idle server did not start")
            took = (time.monotonic() - begun) * 1000
            # The first start makes the database and the keys.
            starts += [round(took, 1)] if number else []
            if number == STARTS:
                if not lives_on(process, IDLE_SECONDS):
                    sys.exit("the idle server ended")
                status = Path(f"/proc/{process.pid}/status").read_text()
                resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
            process.terminate()
    return {"first_answer_ms": starts, "idle_mib": round(resident / 1024, 1)}


def main():
    arguments = load_options(rounds=5)
    arguments.add_argument("--without", type=Path)
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rounds = cost(options) if options.without else {}
    result = {"cores": os.cpu_count(), "connections": CONNECTIONS, "rounds": rounds} | start_and_idle(options.binary, options.out)
    (options.out / "telemetry.json").write_text(json.dumps(result, indent=2) + "\n")
    if rounds:
        print(f"\n{'':34}{'per second':>12}{'':>9}{'µs CPU':>9}{'':>9}    (medians of {options.rounds} rounds of {options.seconds} s)")
    for what, measured in rounds.items():
        middle = {name: [statistics.median(one[key] for one in each) for key in ("per_second", "cpu_us")] for name, each in measured.items()}
        base = middle["without metrics and log"]
        for name, (rate, cpu) in middle.items():
            print(f"{what + ', ' + name:34}{rate:>12,.0f}{rate / base[0] - 1:>+9.1%}{cpu:>9.1f}{cpu / base[1] - 1:>+9.1%}")
    starts = result["first_answer_ms"]
    print(f"\nidle: {result['idle_mib']} MiB; from the start to the first answer: {statistics.median(starts)} ms ({min(starts)} to {max(starts)})")
    print(f"written to {options.out / 'telemetry.json'}")


def cost(options):
    """Of each server, rounds of grants and of reads."""
    wrk, rounds = Wrk(options.wrk, options.wrk_libraries, options.out), {}
    with (
        Server("without", options.without, "off", options.out) as without,
        Server("quiet", options.binary, "off", options.out) as quiet,
        Server("all", options.binary, "info", options.out) as everything,
    ):
        servers = {"without metrics and log": without, "metrics": quiet, "metrics and log": everything}
        for number in range(options.rounds):
            for what in ("grant", "read"):
                # Whoever comes first in one round comes last in the next.
                for name in sorted(servers, reverse=number % 2 == 1):
                    rounds.setdefault(what, {}).setdefault(name, []).append(servers[name].measure(wrk, what, options.seconds))
    return rounds


if __name__ == "__main__":
    main()
