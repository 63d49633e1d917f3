"""Times of answers at fixed rates: grants and reads beside npm's oidc-provider, downloads and a small answer beside nginx, and the console's first page, which
has no peer. Run by `cargo xtask bench rates`.

Every request has its time, whether or not those before it were answered, so that a server that stands still is seen by all of them. One load generator
(wrk), plain HTTP, the same connections, by turns on the same cores.
"""

import json
import os
import platform
import shutil
import statistics
import sys
from pathlib import Path
from urllib.parse import urljoin

sys.path.insert(0, str(Path(__file__).parent.parent / "tests-e2e"))
from downloads import Nginx, artifact, prepare  # noqa: E402
from harness.browser import Browser, Forms  # noqa: E402
from harness.demo import Demo  # noqa: E402
from tokens import DATASET, Peer, Wrk, load_options, time_on_cores, without_faults  # noqa: E402

# As many downloads of one file as there may be at once.
CONNECTIONS = 16
MEBIBYTES = 1
# Requests a second. All of them are rates that each side can keep on two cores: beyond that there is a queue, and nothing but its length is measured.
RATES = {"grant": (200, 600), "read": (500, 2000), "download": (50, 200), "small": (500, 2000), "page": (20, 100)}
OURS = "insightgate"


def cookie_of_console(demo):
    """The cookie of the demo's user, who signs in at the console."""
    session, home = Browser(demo).session, demo.ready["https"]
    person = {"username": demo.ready["username"], "password": demo.ready["password"], "step": "password"}
    page = session.get(f"{home}/")
    # The console asks who it is, and the authority for the password.
    for _ in range(2):
        [form] = [form for form in Forms(page.text).found if "username" in form["fields"]]
        page = session.post(urljoin(home, form["action"]), data=form["fields"] | person)
    if page.status_code != 200 or page.url != f"{home}/":
        sys.exit(f"nobody signed in at the console: {page.status_code} {page.url}")
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)


def main():
    options = load_options("--nginx", "--node", "--provider", rounds=3).parse_args()
    work = options.out.resolve() / "rates"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    wrk = Wrk(options.wrk, options.wrk_libraries, options.out)
    (work / "small").mkdir()
    small = work / "small" / "ok"
    small.write_text("ok")
    with (
        Demo(options.binary, work / "data", "--no-quotas", "--rows", "60") as demo,
        Peer(options.node, options.provider) as peer,
    ):
        link, file = artifact(demo, prepare(work, MEBIBYTES))
        with Nginx(options.nginx, work / "nginx", file) as files, Nginx(options.nginx, work / "nginx-small", small) as still:
            ours, theirs = demo.ready, peer.ready
            client = {"client_id": ours["client_id"], "client_secret": ours["client_secret"], "resource": ours["resource"]}
            their_client = {"client_id": theirs["client"], "client_secret": theirs["secret"], "resource": theirs["resource"], "scope": "read"}
            token = demo.sign_in()
            whole = "bytes=0-"
            # What is asked of ours, and of whom else.
            asked = {
                ("grant", OURS): (demo, f"{ours['http']}/{ours['tenant_id']}/oauth2/token", {"form": {"grant_type": "client_credentials"} | client}),
                ("grant", "oidc-provider"): (peer, f"{theirs['url']}/token", {"form": {"grant_type": "client_credentials"} | their_client}),
                ("read", OURS): (demo, f"{ours['http']}/insights/v1/mpn/ScheduledDataset?datasetName={DATASET}", {"token": token}),
                ("read", "oidc-provider"): (peer, f"{theirs['url']}/me", {"token": theirs["accessToken"]}),
                ("download", OURS): (demo, link, {"stretch": whole}),
                ("download", "nginx"): (files, files.url, {"stretch": whole}),
                ("small", OURS): (demo, f"{ours['http']}/healthz", {}),
                ("small", "nginx"): (still, still.url, {}),
                ("page", OURS): (demo, f"{ours['https']}/", {"cookie": cookie_of_console(demo)}),
            }
            rounds = {}
            # The first round only warms.
            for number in range(options.rounds + 1):
                for what, rates in RATES.items():
                    sides = [key for key in asked if key[0] == what]
                    for rate in rates:
                        # Whoever comes first in one round comes last in the next.
                        for key in sides if number % 2 else reversed(sides):
                            server, url, more = asked[key]
                            before = time_on_cores(server.process.pid)
                            result = without_faults(wrk.run(url, options.seconds if number else 1, connections=CONNECTIONS, rate=rate, **more), str(key))
                            result["cpu_us"] = round((time_on_cores(server.process.pid) - before) * 1e6 / result["requests"], 1)
                            if number:
                                rounds.setdefault((what, rate), {}).setdefault(key[1], []).append(result)
            size = file.stat().st_size
    fields = ("per_second", "p50_ms", "p99_ms", "cpu_us")
    middle = lambda results: {field: round(statistics.median(result[field] for result in results), 3) for field in fields}
    result = {"cores": os.cpu_count(), "machine": platform.machine(), "connections": CONNECTIONS, "bytes": size, "seconds": options.seconds, "measured": []}
    print(f"\n{os.cpu_count()} cores, {CONNECTIONS} connections, medians of {options.rounds} rounds of {options.seconds} s; p50 and p99 in ms\n")
    print(f"{'':10}{'a second':>9}  {'':14}{'reached':>9}{'p50':>8}{'p99':>8}{'µs CPU':>9}{'× p50':>8}{'× p99':>8}")
    for (what, rate), sides in rounds.items():
        medians = {name: middle(results) for name, results in sides.items()}
        peers = [name for name in medians if name != OURS]
        ratios = {field: round(medians[OURS][field] / medians[peer][field], 2) for peer in peers for field in ("p50_ms", "p99_ms")}
        result["measured"].append({"what": what, "rate": rate, "medians": medians, "ratios": ratios, "rounds": sides})
        for name in (OURS, *peers):
            one = medians[name]
            shown = f"{ratios['p50_ms']:>8.2f}{ratios['p99_ms']:>8.2f}" if name == OURS and peers else ""
            print(f"{what:10}{rate:>9,}  {name:14}{one['per_second']:>9,.0f}{one['p50_ms']:>8.2f}{one['p99_ms']:>8.2f}{one['cpu_us']:>9.0f}{shown}")
    (options.out / "rates.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"\nwritten to {options.out / 'rates.json'}")


if __name__ == "__main__":
    main()
