"""One large artifact over plain HTTP, whole and in small stretches, beside nginx with the very same file. Run by `cargo xtask bench downloads`.

The artifact is made by a report, as any other. Both are asked with the same clients (curl, wrk) on the same cores, in turns.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent / "tests-e2e"))
from harness.demo import Demo, lives_on  # noqa: E402
from export import COLUMNS, peak_memory, prepared  # noqa: E402
from harness.ports import free_port  # noqa: E402
from tokens import Wrk, load_options, without_faults  # noqa: E402

CONNECTIONS = (1, 8)
NAMES = ("insightgate", "nginx")
# Of the generated rows, as CSV: the file is a little larger than what was asked for.
ROW_BYTES = 62
RANGE_BYTES = 1024
START_SECONDS = 10

# As Debian sends files; nothing of the system's own configuration, and nothing that needs rights.
CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
worker_processes auto;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root};
    }}
}}
"""


class Nginx:
    """Ends with the `with` block."""

    def __init__(self, program, folder, file):
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        # Started by root, its workers would be somebody who may not read the file.
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = folder / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder, user=user, port=port, root=file.parent))
        log = folder / "error.log"
        self.process = subprocess.Popen([program, "-c", configuration, "-p", folder, "-e", log], stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}/{file.name}"
        deadline = time.monotonic() + START_SECONDS
        while subprocess.run(["curl", "-sfI", "-o", os.devnull, self.url], check=False).returncode:
            if not lives_on(self.process, 0.05) or time.monotonic() > deadline:
                sys.exit(f"nginx did not start: {log.read_text() if log.exists() else ''}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


def prepare(work, mebibytes):
    """The rows that make an artifact of about that size."""
    rows = mebibytes * (1 << 20) // ROW_BYTES
    return prepared(work, rows)


def artifact(demo, table):
    """The link to the file, and the file itself."""
    tenant, folder = demo.ready["tenant_id"], str(demo.data_dir)
    # Not by Demo.command, which waits for so long only as small files take.
    added = [demo.binary, "dataset", "add", str(table), "--name", "Bench", "--tenant", tenant, "--data-dir", folder]
    subprocess.run(added, check=True, stdout=subprocess.DEVNULL)
    execution = demo.run(demo.create_query(f"SELECT {COLUMNS} FROM Bench TIMESPAN LIFETIME")["queryId"])
    files = list((demo.data_dir / "artifacts").rglob(f"{execution['executionId']}-*.csv"))
    if len(files) != 1:
        sys.exit(f"{len(files)} files of the run in {demo.data_dir}")
    address = urlsplit(execution["reportAccessSecureLink"])
    return f"{demo.ready['http']}{address.path}?{address.query}", files[0]


def download(url, connections, size):
    """Bytes a second of so many downloads at once, each by a curl of its own."""
    command = ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code} %{size_download}", "--config", "-"]
    began = time.perf_counter()
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(connections)]
    for each in running:
        # Not among the arguments: a link opens the file to whoever has it.
        each.stdin.write(f'url = "{url}"\n')
        each.stdin.close()
    answers = [each.stdout.read() for each in running]
    for each in running:
        each.wait()
    seconds = time.perf_counter() - began
    if set(answers) != {f"200 {size}"}:
        sys.exit(f"curl did not get the file: {answers}")
    return size * connections / seconds


def main():
    arguments = load_options("--nginx", rounds=5)
    arguments.add_argument("--mebibytes", type=int, default=1024)
    options = arguments.parse_args()
    work = options.out.resolve() / "downloads"
    work.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(work / "data", ignore_errors=True)
    wrk = Wrk(options.wrk, options.wrk_libraries, options.out)
    table = prepare(work, options.mebibytes)
    whole = {name: {connections: [] for connections in CONNECTIONS} for name in NAMES}
    parts = {name: {connections: [] for connections in CONNECTIONS} for name in NAMES}
    with Demo(options.binary, work / "data", "--no-quotas", "--rows", "60") as demo:
        link, file = artifact(demo, table)
        size, exporting = file.stat().st_size, peak_memory(demo.process.pid)
        # In the middle of the file, at no boundary of a page.
        first = size // 2 + 1
        stretch = f"bytes={first}-{first + RANGE_BYTES - 1}"
        with Nginx(options.nginx, work / "nginx", file) as nginx:
            urls = {"insightgate": link, "nginx": nginx.url}
            for round_ in range(options.rounds + 1):
                for connections in CONNECTIONS:
                    # In turns, so that both see the same machine; the first round only warms caches.
                    for name in NAMES if round_ % 2 else NAMES[::-1]:
                        speed = download(urls[name], connections, size)
                        told = wrk.run(urls[name], options.seconds, threads=1, connections=connections, stretch=stretch)
                        without_faults(told, f"{name}, ranges")
                        print(f"round {round_}, {connections} at once, {name}: {speed / 1e6:,.0f} MB/s, p50 {told['p50_ms']:.3f} ms", file=sys.stderr)
                        if round_:
                            whole[name][connections].append(round(speed))
                            parts[name][connections].append(told)
            peak = peak_memory(demo.process.pid)
    result = {"bytes": size, "rounds": options.rounds, "cores": os.cpu_count(), "machine": platform.machine()}
    result |= {"range_bytes": RANGE_BYTES, "peak_memory_after_export_bytes": exporting, "peak_memory_bytes": peak, "whole": {}, "ranges": {}}
    for connections in CONNECTIONS:
        speeds = {name: statistics.median(whole[name][connections]) for name in NAMES}
        ratio = round(speeds["insightgate"] / speeds["nginx"], 3)
        result["whole"][connections] = {"bytes_per_second": speeds, "ratio": ratio, "rounds": {name: whole[name][connections] for name in NAMES}}
        medians = {
            name: {field: statistics.median(told[field] for told in parts[name][connections]) for field in ("p50_ms", "p99_ms", "per_second")}
            for name in NAMES
        }
        result["ranges"][connections] = medians | {"ratio_p50": round(medians["insightgate"]["p50_ms"] / medians["nginx"]["p50_ms"], 3)}
    (options.out / "downloads.json").write_text(json.dumps(result, indent=2) + "\n")

    print(f"\n{size / (1 << 20):,.0f} MiB, {result['cores']} cores, medians of {options.rounds} rounds\n")
    print(f"{'':30}{'insightgate':>12}{'nginx':>10}{'ratio':>8}")
    for connections, each in result["whole"].items():
        mine, theirs = (each["bytes_per_second"][name] / 1e6 for name in NAMES)
        print(f"{f'whole, {connections} at once, MB/s':30}{mine:>12,.0f}{theirs:>10,.0f}{each['ratio']:>8.2f}")
    for connections, each in result["ranges"].items():
        mine, theirs = (each[name]["p50_ms"] for name in NAMES)
        print(f"{f'1 KiB, {connections} at once, p50 ms':30}{mine:>12.3f}{theirs:>10.3f}{each['ratio_p50']:>8.2f}")
    if peak and exporting:
        print(f"\nthe server held {exporting / 1e6:.0f} MB at most after the export, {peak / 1e6:.0f} MB after the downloads")
    print(f"\nwritten to {options.out / 'downloads.json'}")


if __name__ == "__main__":
    main()
