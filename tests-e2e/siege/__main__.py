"""The long form: every attack, or the named ones, and the table. `cargo xtask siege` runs it."""

import argparse
import os
import sys
import tempfile
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from siege.attacks import ATTACKS
from siege.outcome import Outcome, table, write
from siege.server import Site
from siege.siege import Siege

SECONDS = 20


def main():
    parser = argparse.ArgumentParser(prog="cargo xtask siege")
    parser.add_argument("--only", action="append", metavar="NAME", choices=list(ATTACKS), help="one attack; may be repeated")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each lasts")
    parser.add_argument("--short", action="store_true", help="the short forms, as the tests run them")
    parser.add_argument("--output", type=Path, default=Path("target/siege.json"))
    arguments = parser.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="insightgate-siege-") as folder:
        site = Site(Path(os.environ["INSIGHTGATE_BIN"]), Path(folder))
        siege = Siege(site, arguments.seconds, arguments.short)
        for name in arguments.only or ATTACKS:
            print(f"{name}: {ATTACKS[name].__doc__ or ''}".rstrip(": "), file=sys.stderr, flush=True)
            try:
                outcome = ATTACKS[name](siege)
            except Exception as error:
                # The table has to be whole: an attack that could not be made is none that was withstood.
                traceback.print_exc()
                outcome = Outcome(name, "", faults=[f"the attack could not be made: {error!r:.500}"])
            outcome.name = name
            outcomes.append(outcome)
            print(f"  {'FAIL: ' + '; '.join(outcome.faults) if outcome.faults else 'ok'}", file=sys.stderr, flush=True)
            write(outcomes, arguments.output)
    print(table(outcomes))
    return 1 if any(outcome.faults for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
