"""The rows that `cargo xtask bench queries` asks for: one folder for each of four tenants, and files in which the tenants are mixed.

Written once by DuckDB, as another program's data lake would be: zstd, its own row groups, a file for each month, sorted by day.
From each row's number alone, so that every run reads the same rows.
"""

import sys
from datetime import date

import duckdb

MONTHS = [date(2024 + month // 12, 1 + month % 12, 1) for month in range(24)]
# In the middle of the last month, so that LAST_MONTH is the one before it.
ANCHOR = "2025-12-15T00:00:00Z"
TENANTS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(1, 5)]
MEASURED = TENANTS[1]
# Of the rows of the measured tenant.
SMALL = 20
# Of the mixed rows, how many tenths are the tenant's.
SHARES = [2, 5, 1, 2]

COLUMNS = ["Month", "Day", "Customer", "Product", "Market", "SubscriptionId", "ResourceName", "Seats", "Revenue", "Usage", "Active"]

DEFINITION = """
name = "{name}"
program = "mpn"
date_column = "Day"
{tenancy}
columns = [
    {{ name = "Month", type = "date" }},
    {{ name = "Day", type = "date" }},
    {{ name = "Customer", type = "string" }},
    {{ name = "Product", type = "string" }},
    {{ name = "Market", type = "string" }},
    {{ name = "SubscriptionId", type = "string" }},
    {{ name = "ResourceName", type = "string" }},
    {{ name = "Seats", type = "int64" }},
    {{ name = "Revenue", type = "decimal(18,2)" }},
    {{ name = "Usage", type = "float64" }},
    {{ name = "Active", type = "bool" }},
]
metrics = [
    {{ name = "TotalRevenue", expression = "SUM(Revenue)" }},
    {{ name = "TotalSeats", expression = "SUM(Seats)" }},
    {{ name = "Subscriptions", expression = "COUNT(DISTINCT SubscriptionId)" }},
    {{ name = "Rows", expression = "COUNT(*)" }},
]
"""

MARKETS = """
United States|United Kingdom|Germany|France|Ireland|Netherlands|Finland|Poland|Switzerland|Iceland|New Zealand|Thailand|Swaziland|Canada|Mexico|Brazil
Argentina|Chile|Peru|Colombia|Ecuador|Uruguay|Paraguay|Bolivia|Venezuela|Panama|Costa Rica|Guatemala|Honduras|El Salvador|Nicaragua|Cuba|Jamaica|Haiti
Spain|Portugal|Italy|Austria|Belgium|Luxembourg|Denmark|Sweden|Norway|Estonia|Latvia|Lithuania|Czechia|Slovakia|Slovenia|Croatia|Serbia|Hungary|Romania
Bulgaria|Greece|Türkiye|Cyprus|Malta|Ukraine|Moldova|Georgia|Armenia|Azerbaijan|Kazakhstan|Uzbekistan|India|Pakistan|Bangladesh|Sri Lanka|Nepal|China
Japan|South Korea|Taiwan|Hong Kong SAR|Singapore|Malaysia|Indonesia|Philippines|Vietnam|Australia|Fiji|South Africa|Kenya|Nigeria|Ghana|Egypt|Morocco
Algeria|Tunisia|Côte d’Ivoire|Senegal|Ethiopia|Tanzania|Uganda|Zambia|Israel|Jordan|Saudi Arabia|United Arab Emirates|Qatar|Kuwait|Oman
"""
WORDS = (
    "Contoso Fabrikam northwind Tailspin WOODGROVE Adatum Litware Proseware gateway Cluster storage Backup analytics Archive Prod test "
    "Müller Straße données Größe 東京 Проект"
)

# `{n}` rows from the number `{start}` on.
ROWS = """
SELECT DATE '{month}' AS "Month",
       DATE '{month}' + CAST(hash(i) % date_part('day', last_day(DATE '{month}')) AS INTEGER) AS "Day",
       'Customer ' || CAST(hash(i + 1) % 20000 AS VARCHAR) AS Customer,
       ['Microsoft 365', 'Dynamics 365', 'Power BI', 'Microsoft Azure'][1 + CAST(hash(i + 2) % 4 AS INTEGER)] AS Product,
       CASE hash(i + 3) % 8 WHEN 0 THEN upper(market) WHEN 1 THEN lower(market) ELSE market END AS Market,
       CAST(md5('subscription ' || CAST(hash(i + 4) % {subscriptions} AS VARCHAR)) AS UUID)::VARCHAR AS SubscriptionId,
       words[1 + CAST(hash(i + 5) % len(words) AS INTEGER)] || ' ' || words[1 + CAST(hash(i + 6) % len(words) AS INTEGER)] || '-'
           || printf('%06x', CAST(hash(i + 7) % 16777216 AS INTEGER)) AS ResourceName,
       CAST(hash(i + 8) % 5000 AS BIGINT) AS Seats,
       CAST(CAST(hash(i + 9) % 100000000 AS BIGINT) / 100 AS DECIMAL(18, 2)) AS Revenue,
       CAST(hash(i + 10) % 1000000 AS DOUBLE) / 64 AS Usage,
       hash(i + 11) % 3 > 0 AS Active
FROM (SELECT i, words, markets[1 + CAST(hash(i + 12) % len(markets) AS INTEGER)] AS market
      FROM range({start}, {start} + {n}) AS t(i), (SELECT {words} AS words, {markets} AS markets))
"""


def listed(texts):
    quoted = ", ".join("'" + text.strip().replace("'", "''") + "'" for text in texts)
    return f"[{quoted}]"


def rows_of(month, start, n, rows):
    markets = listed(MARKETS.strip().replace("\n", "|").split("|"))
    # A subscription comes again each month, with about one row.
    return ROWS.format(month=month, start=start, n=n, subscriptions=max(rows // 24, 1), words=listed(WORDS.split()), markets=markets)


def copy(select, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.half")
    duckdb.execute(f"COPY ({select}) TO '{half}' (FORMAT parquet, COMPRESSION zstd)")
    half.rename(path)


def write(folder, rows):
    """The data root, the definitions and, for each dataset, the files of it that the measured tenant's queries have to look at."""
    data = folder / f"queries-{rows}"
    files = {"Bench": [], "Mixed": []}
    for number, month in enumerate(MONTHS):
        for tenant in TENANTS:
            n = max((rows if tenant == MEASURED else rows // SMALL) // len(MONTHS), 1)
            # No two tenants have a row in common.
            start = (TENANTS.index(tenant) * len(MONTHS) + number) * rows
            path = data / "mpn" / "Bench" / f"tenant={tenant}" / f"{month:%Y-%m}.parquet"
            if tenant == MEASURED:
                files["Bench"].append(path)
            if not path.exists():
                copy(f"SELECT * FROM ({rows_of(month, start, n, rows)}) ORDER BY Day", path)
        path = data / "mpn" / "Mixed" / f"{month:%Y-%m}.parquet"
        files["Mixed"].append(path)
        if not path.exists():
            n = max(rows // 2 // len(MONTHS) // sum(SHARES), 1)
            parts = []
            for tenant, share in zip(TENANTS, SHARES):
                start = (TENANTS.index(tenant) * len(MONTHS) + number + 1000) * rows
                parts.append(f"SELECT '{tenant}' AS Owner, * FROM ({rows_of(month, start, n * share, rows)})")
            print(f"wrote {month:%Y-%m}", file=sys.stderr)
            copy(f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY Owner, Day", path)
    definitions = []
    for name, tenancy in (("Bench", ""), ("Mixed", 'tenant_column = "Owner"')):
        definition = data / f"{name}.toml"
        definition.write_text(DEFINITION.format(name=name, tenancy=tenancy))
        definitions.append(definition)
    return data, definitions, files
