"""Tokens and authenticated reads a second, beside npm's oidc-provider and the rates of the cryptography itself. Run by `cargo xtask bench tokens`.

One load generator (wrk), plain HTTP, the same number of connections, in turns on the same cores; wrk takes its share of them from both.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent / "tests-e2e"))
from harness.demo import Demo  # noqa: E402
from harness.deployment import DOMAIN, RESOURCE, Deployment  # noqa: E402
from harness.postgres import Postgres  # noqa: E402

HERE = Path(__file__).parent
CONNECTIONS = 64
FLOOD_CONNECTIONS = 64
DATASET = "OfficeUsage"


class Peer:
    """oidc-provider. Ends with the `with` block."""

    def __init__(self, node, folder):
        environment = os.environ | {"OIDC_PROVIDER_FOLDER": str(folder)}
        command = [node, str(HERE / "oidc_provider_peer.mjs"), str(CONNECTIONS)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        line = self.process.stdout.readline()
        if not line:
            sys.exit("oidc-provider did not start")
        self.ready = json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


class Wrk:
    def __init__(self, wrk, libraries, out):
        self.wrk, self.libraries, self.out = wrk, libraries, out

    def start(self, url, seconds, *, threads=2, connections=CONNECTIONS, form=None, token=None, cookie=None, refresh_tokens=None, stretch=None, rate=None):
        environment = dict(os.environ)
        if self.libraries:
            environment["LD_LIBRARY_PATH"] = str(self.libraries)
        if form:
            environment["LOAD_BODY"] = urlencode(form)
        if token:
            environment["LOAD_TOKEN"] = token
        if cookie:
            environment["LOAD_COOKIE"] = cookie
        if stretch:
            # The address is a link, which opens the file to whoever has it.
            address = urlsplit(url)
            environment["LOAD_PATH"], environment["LOAD_RANGE"] = url.partition(address.netloc)[2], stretch
            url = f"{address.scheme}://{address.netloc}/"
        if rate:
            environment["LOAD_GAP_MS"] = str(1000 * threads / rate)
        if refresh_tokens:
            kept = self.out / "refresh-tokens"
            kept.touch(mode=0o600)
            kept.write_text("\n".join(refresh_tokens) + "\n")
            environment["LOAD_REFRESH_TOKENS"] = str(kept)
            threads = connections = len(refresh_tokens)
        command = [self.wrk, "-t", str(threads), "-c", str(connections), "-d", f"{seconds}s", "--latency", "-s", str(HERE / "load.lua"), url]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    @staticmethod
    def finish(running):
        output, _ = running.communicate()
        line = next((line for line in output.splitlines() if line.startswith("RESULT ")), None)
        if running.returncode != 0 or line is None:
            sys.exit(f"wrk failed:\n{output}")
        result = json.loads(line.removeprefix("RESULT "))
        return result | {"per_second": round(result["requests"] / result["seconds"], 1)}

    def run(self, *arguments, **more):
        return self.finish(self.start(*arguments, **more))


def time_on_cores(pid):
    """Seconds that the process and its children have been on a core. None where the system does not say."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        own = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    each = [time_on_cores(child) or 0 for child in children]
    return (int(own[11]) + int(own[12])) / os.sysconf("SC_CLK_TCK") + sum(each)


def without_faults(result, what):
    if result["refused"] or result["broken"]:
        sys.exit(f"{what}: {result['refused']} answers were refusals, {result['broken']} never came")
    return result


def load_options(*paths, rounds):
    """The options of what is measured with wrk, with these paths besides."""
    arguments = argparse.ArgumentParser()
    for name in ("--binary", "--wrk", "--out", *paths):
        arguments.add_argument(name, type=Path, required=True)
    arguments.add_argument("--wrk-libraries", type=Path)
    arguments.add_argument("--seconds", type=int, default=5)
    arguments.add_argument("--rounds", type=int, default=rounds)
    return arguments


def main():
    options = load_options("--rates", "--node", "--provider", rounds=3).parse_args()
    # An earlier build's database may have other tables.
    for folder in ("tokens-data", "tokens-postgres"):
        shutil.rmtree(options.out / folder, ignore_errors=True)
    options.out.mkdir(parents=True, exist_ok=True)
    wrk = Wrk(options.wrk, options.wrk_libraries, options.out)
    seconds = options.seconds

    with (
        Demo(options.binary, options.out / "tokens-data", "--no-quotas", "--rows", "60") as demo,
        Peer(options.node, options.provider) as peer,
        # It flushes each commit to the disk, as the demo's SQLite does.
        Postgres() as postgres,
        Deployment(options.binary, options.out / "tokens-postgres", postgres.make("tokens"), 1) as shared,
    ):
        ready, theirs = demo.ready, peer.ready
        shared.partner()
        shared_alone = {"grant_type": "client_credentials", "resource": RESOURCE}
        shared_alone |= {name: shared.form[name] for name in ("client_id", "client_secret")}
        servers = {"oidc-provider": lambda: peer.process.pid, "Postgres": lambda: shared.first.process.pid}
        # Plain HTTP on both sides: TLS would cost both the same, and hide what is measured.
        tenant = f"{ready['http']}/{ready['tenant_id']}"
        v1, v2 = f"{tenant}/oauth2/token", f"{tenant}/oauth2/v2.0/token"
        client = {"client_id": ready["client_id"], "client_secret": ready["client_secret"]}
        alone = {"grant_type": "client_credentials", **client}
        refresh = {"grant_type": "refresh_token", **client, "resource": ready["resource"]}
        password = {"grant_type": "password", **client, "username": ready["username"], "password": ready["password"]}
        password["resource"] = ready["resource"]
        dataset = f"{ready['http']}/insights/v1/mpn/ScheduledDataset?datasetName={DATASET}"
        their_client = {"client_id": theirs["client"], "client_secret": theirs["secret"]}
        their_alone = {"grant_type": "client_credentials", **their_client, "resource": theirs["resource"], "scope": "read"}
        their_refresh = {"grant_type": "refresh_token", **their_client}
        sign_in = lambda: demo.session.post(v1, data=password).json()  # noqa: E731
        token = sign_in()["access_token"]
        mine_held, theirs_held = [sign_in()["refresh_token"] for _ in range(CONNECTIONS)], theirs["refreshTokens"]

        def flooded():
            """Authenticated reads while more password grants come than can be hashed."""
            flood = wrk.start(v1, seconds + 2, threads=1, connections=FLOOD_CONNECTIONS, form=password)
            reads = wrk.run(dataset, seconds, token=token)
            return reads | {"flood": wrk.finish(flood)}

        def rotating(url, form, held):
            """Tokens are used up by a run: whoever comes next signs in anew."""
            return wrk.run(url, seconds, form=form, refresh_tokens=held)

        measured = {
            "client_credentials, v1": lambda: wrk.run(v1, seconds, form=alone | {"resource": ready["resource"]}),
            "client_credentials, v2": lambda: wrk.run(v2, seconds, form=alone | {"scope": f"{ready['resource']}/.default"}),
            "client_credentials, v1, on a Postgres": lambda: wrk.run(f"{shared.first.url}/{DOMAIN}/oauth2/token", seconds, form=shared_alone),
            "client_credentials, oidc-provider": lambda: wrk.run(f"{theirs['url']}/token", seconds, form=their_alone),
            "refresh_token, v1": lambda: rotating(v1, refresh, mine_held),
            "refresh_token, oidc-provider": lambda: rotating(f"{theirs['url']}/token", their_refresh, theirs_held),
            "GET ScheduledDataset": lambda: wrk.run(dataset, seconds, token=token),
            "GET userinfo, oidc-provider": lambda: wrk.run(f"{theirs['url']}/me", seconds, token=theirs["accessToken"]),
            "password": lambda: wrk.run(v1, seconds, form=password, connections=2),
            "GET ScheduledDataset in a flood of password grants": flooded,
        }
        rounds = {name: [] for name in measured}
        rates = []
        for round_ in range(options.rounds):
            rates.append(json.loads(subprocess.run([options.rates], check=True, capture_output=True, text=True).stdout))
            print(f"round {round_ + 1}: {rates[-1]}", file=sys.stderr)
            for name, measure in measured.items():
                if "refresh_token" in name and round_:
                    if "oidc" in name:
                        # Its processes keep their tokens apart: only a new one starts with tokens that all of them know.
                        peer.__exit__()
                        peer.__init__(options.node, options.provider)
                        theirs, theirs_held = peer.ready, peer.ready["refreshTokens"]
                    else:
                        mine_held = [sign_in()["refresh_token"] for _ in range(CONNECTIONS)]
                server = next((pid() for kind, pid in servers.items() if kind in name), demo.process.pid)
                before = time_on_cores(server)
                result = without_faults(measure(), name)
                if before is not None and "flood" not in name:
                    result["cpu_us"] = round((time_on_cores(server) - before) * 1e6 / result["requests"], 1)
                print(f"  {name}: {result['per_second']:,.0f}/s, p99 {result['p99_ms']:.1f} ms", file=sys.stderr)
                rounds[name].append(result)

    best = {name: max(results, key=lambda result: result["per_second"]) for name, results in rounds.items()}
    best_rates = {name: max(rate[name] for rate in rates) for name in rates[0]}
    signing = best_rates["rsa_2048_signatures"]
    peers = {name.split(",")[0].split(" ")[0]: each["per_second"] for name, each in best.items() if "oidc-provider" in name}
    for name, each in best.items():
        each["median_per_second"] = statistics.median(result["per_second"] for result in rounds[name])
        if "oidc-provider" not in name and (peer_rate := peers.get(name.split(",")[0].split(" ")[0])):
            each["times_oidc_provider"] = round(each["per_second"] / peer_rate, 2)
        if name.split(",")[0] in ("client_credentials", "refresh_token"):
            each["of_signing_rate"] = round(each["per_second"] / signing, 3)
    result = {"cores": os.cpu_count(), "machine": platform.machine(), "connections": CONNECTIONS, "rates": best_rates, "rounds": rounds, "best": best}
    (options.out / "tokens.json").write_text(json.dumps(result, indent=2) + "\n")

    print(f"\n{os.cpu_count()} cores, {CONNECTIONS} connections, best of {options.rounds} rounds of {seconds} s; on all cores together, a second:")
    print("  " + ", ".join(f"{name.replace('_', ' ')} {rate:,.0f}" for name, rate in best_rates.items()))
    print("  " + f"one signature {1e6 * os.cpu_count() / signing:,.0f} µs on a core\n")
    print(f"{'':52}{'per second':>12}{'p50 ms':>9}{'p99 ms':>9}{'µs CPU':>9}{'of RSA':>8}{'× peer':>8}")
    for name, each in best.items():
        share, times = each.get("of_signing_rate"), each.get("times_oidc_provider")
        print(
            f"{name:52}{each['per_second']:>12,.0f}{each['p50_ms']:>9.2f}{each['p99_ms']:>9.2f}{each.get('cpu_us', ''):>9}"
            f"{f'{share:.0%}' if share else '':>8}{f'{times:.1f}' if times else '':>8}"
        )
    print(f"\nwritten to {options.out / 'tokens.json'}")


if __name__ == "__main__":
    main()
