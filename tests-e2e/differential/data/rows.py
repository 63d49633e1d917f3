"""The rows of each generated dataset, as Python values by column.

Some texts hold a mark that only rows of one tenant and location have: `mk1x2x` of the tenant 1 and its location 2, `sk1x2x` where they are sensitive.
An answer that holds another's mark shows another's row.
"""

import re
from decimal import Decimal

from .values import EXTREMES, FLOATS, NUMBERS, TEXTS, some_day, some_decimal, some_instant, some_text

# Location ids, shared by the tenants. They compare exactly: the first two are not the same, and the empty one is one like any other.
LOCATIONS = [None, "Loc-a", "LOC-A", "6096123", "", "loc'd"]
MARK = re.compile(r"(mk|sk)(\d+)x(\d+)x")


def mark(tenant, location, is_secret=False):
    return f"{'sk' if is_secret else 'mk'}{tenant}x{LOCATIONS.index(location)}x"


class Builder:
    """Rows of one tenant. `tenant` is its number."""

    def __init__(self, rng, tenant):
        self.rng, self.tenant, self.count = rng, tenant, 0
        self.kinds = rng.sample(TEXTS, 12) + ["Contoso", "CONTOSO", "contoso"]
        # Sums of extremes leave the range of their type, which is an error: not for every tenant.
        self.has_extremes = tenant % 2 == 1

    def null(self, value, share=0.1):
        return None if self.rng.random() < share else value

    def location(self):
        return self.rng.choice(LOCATIONS + LOCATIONS[1:4] * 2)

    def marked(self, location, is_secret=False):
        """A text that says whose it is, unless it is any text."""
        if not is_secret and self.rng.random() < 0.4:
            return some_text(self.rng)
        return mark(self.tenant, location, is_secret) + self.rng.choice(["", " ", "-"]) + (some_text(self.rng) if self.rng.random() < 0.5 else str(self.count))

    def integer(self):
        if self.has_extremes and self.rng.random() < 0.03:
            return self.rng.choice(EXTREMES)
        return self.rng.choice(NUMBERS) if self.rng.random() < 0.5 else self.rng.randrange(-(10**12), 10**12)

    def everything(self):
        rng, null = self.rng, self.null
        location = self.location()
        self.count += 1
        return {
            "Id": self.tenant * 1_000_000 + self.count,
            "Day": null(some_day(rng)),
            "At": null(some_instant(rng)),
            "MPNId": location,
            "Kind": null(rng.choice(self.kinds)),
            "Label": null(self.marked(location)),
            "Note": null(some_text(rng), 0.5),
            "Small": null(rng.randrange(-3, 13)),
            "Big": null(self.integer()),
            "Ratio": null(rng.randrange(-8000, 8000) / 8),
            "Wild": null(rng.choice(FLOATS) if rng.random() < 0.6 else rng.uniform(-1e6, 1e6)),
            "Price(USD)": null(some_decimal(rng, 9, 2)),
            "Fine": null(some_decimal(rng, 14, 4)),
            "Vast": null(some_decimal(rng, 34, 10)),
            "Whole": null(some_decimal(rng, 5, 0)),
            "Active": null(rng.random() < 0.5, 0.2),
            "Contact": null(self.marked(location, True)),
            "Cost": null(some_decimal(rng, 9, 2)),
            "Score": null(rng.randrange(0, 6)),
            "Born": null(some_day(rng)),
            "Late": null(rng.choice(self.kinds), 0.3),
            "LateNumber": null(some_decimal(rng, 15, 3)),
            "Hidden": null(rng.randrange(0, 1000)),
        }

    def ledger(self, owner, region, year):
        rng, null = self.rng, self.null
        location = self.location()
        self.count += 1
        return {
            "Owner": owner,
            "At": null(some_instant(rng), 0.05),
            "MPNId": location,
            "Region": region,
            "Year": year,
            "Entry": self.tenant * 1_000_000 + self.count,
            "Account": null(rng.choice(self.kinds)),
            "Memo": null(self.marked(location)),
            "Amount": null(some_decimal(rng, 9, 2)),
            "Posted": null(rng.random() < 0.7),
            "Weight": null(rng.randrange(0, 64) / 16),
            "Payer": null(self.marked(location, True)),
        }

    def odd(self, account):
        rng, null = self.rng, self.null
        self.count += 1
        return {
            "Account No": account,
            "Order": self.tenant * 1_000_000 + self.count,
            "Größe": null(rng.choice(self.kinds)),
            "a b": null(self.marked(None)),
            'say "hi"': null(some_text(rng)),
            "list[0]": null(rng.randrange(-50, 50)),
            "Select": null(some_decimal(rng, 8, 3)),
            "2nd": null(some_day(rng)),
            "007": null(rng.random() < 0.5),
            "Ωmega,σ": null(self.marked(None, True)),
            "semi;colon": null(some_instant(rng)),
        }

    def monthly(self, month):
        rng, null = self.rng, self.null
        location = self.location()
        self.count += 1
        return {
            "Month": month,
            "MPNId": location,
            "City": null(self.marked(location, True)),
            "Tier": null(rng.choice(self.kinds)),
            "Seats": null(rng.randrange(0, 500)),
            "Revenue": null(Decimal(rng.randrange(-(10**8), 10**9)).scaleb(-2)),
        }
