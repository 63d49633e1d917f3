"""A data root with the generated datasets of several tenants, and the same rows for DuckDB."""

import random
import uuid
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import quote

from ..language import definitions
from . import parquet
from .rows import LOCATIONS, Builder

DATASETS = Path(__file__).parent / "datasets"
PROGRAM = "mpn"
NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
REGIONS = ["North Sea", "a/b", "100%", "ß", "x=y", "plain", "PLAIN", None, "é", "quote'd"]
FILES, ROWS = 3, 60


@dataclass
class Tenant:
    number: int
    id: str
    account: str


@dataclass
class World:
    root: Path
    datasets: dict
    tenants: list
    # By dataset and tenant: rows in the order of files and rows, each with its ordinal.
    rows: dict = field(default_factory=dict)

    @property
    def data(self):
        return self.root / "data"


def build(root, seed):
    rng = random.Random(f"world {seed}")
    tenants = [Tenant(number, str(uuid.UUID(int=rng.getrandbits(128), version=4)), str(1_005_000 + number)) for number in range(4)]
    world = World(Path(root), definitions.read_folder(DATASETS), tenants)
    world.rows = {(name, tenant.id): [] for name in world.datasets for tenant in tenants}
    for files in (everything(world, rng), ledger(world, rng), odd(world, rng), monthly(world, rng)):
        write(world, rng, *files)
    return world


def write(world, rng, dataset, from_folders, files):
    """`files`: path below the dataset's folder → (owner of each row, rows, columns that the file lacks)."""
    dataset = world.datasets[dataset]
    folder = world.data / PROGRAM / dataset.name
    owner = [(dataset.tenant_column, None)] if dataset.tenant_column else []
    ordinal = 0
    for path, (owners, rows, lacks) in sorted(files.items(), key=lambda item: item[0].encode()):
        kinds = [(column.name, column.kind) for column in dataset.columns if column.name not in from_folders and column.name not in lacks]
        parquet.write(rng, folder / path, owner + kinds, rows)
        for tenant, row in zip(owners, rows):
            ordinal += 1
            if tenant is not None:
                world.rows[dataset.name, tenant.id].append({**row, **dict.fromkeys(lacks), "ordinal": ordinal})


def everything(world, rng):
    """Some files for each tenant but the last. Older ones lack columns; those in hidden and foreign folders are nobody's."""
    files = {}
    for tenant in world.tenants[:-1]:
        builder = Builder(rng, tenant.number)
        for number in range(FILES):
            rows = [builder.everything() for _ in range(rng.choice([1, ROWS, ROWS, 2 * ROWS]))]
            lacks = [["Late", "LateNumber", "Note"], ["LateNumber"]][number] if number < 2 else []
            name = rng.choice(["part-{}.parquet", "b/part-{}.parquet", "a=1/part-{}.parquet", "Part {}.PARQUET"]).format(number)
            files[f"tenant={tenant.id}/{name}"] = ([tenant] * len(rows), rows, lacks)
    stranger = Builder(rng, 8)
    mine = world.tenants[0].id
    for path in ("loose.parquet", f"tenant={mine.upper()}/a.parquet", f"tenant={mine}/_hidden/a.parquet", f"tenant={mine}/.a.parquet", f"tenant={mine}0/a.parquet"):
        rows = [stranger.everything() for _ in range(20)]
        files[path] = ([None] * len(rows), rows, [])
    return "Everything", [], files


def ledger(world, rng):
    """Every file holds rows of all tenants and of nobody: owners are told apart exactly."""
    files = {}
    builders = [Builder(rng, tenant.number) for tenant in world.tenants]
    stranger = Builder(rng, 8)
    for number in range(3):
        region, year = rng.choice(REGIONS), rng.choice([2022, 2023, 2024, None])
        owners, rows = [], []
        for _ in range(rng.choice([3, ROWS, 2 * ROWS])):
            if rng.random() < 0.1:
                owner = rng.choice([None, "", world.tenants[0].id.upper(), world.tenants[0].id + " ", "{" + world.tenants[0].id + "}"])
                owners.append(None)
                rows.append(stranger.ledger(owner, region, year))
            else:
                tenant = rng.choice(world.tenants)
                owners.append(tenant)
                rows.append(builders[tenant.number].ledger(tenant.id, region, year))
        encoded = NULL_FOLDER if region is None else quote(region, safe=" ßé'") if rng.random() < 0.5 else quote(region, safe="")
        files[f"Region={encoded}/Year={NULL_FOLDER if year is None else year}/f{number}.parquet"] = (owners, rows, [])
    return "Ledger", ["Region", "Year"], files


def odd(world, rng):
    """Owners are numbers in some files and texts in others."""
    files = {}
    builders = [Builder(rng, tenant.number) for tenant in world.tenants]
    stranger = Builder(rng, 8)
    for number in range(2):
        is_text = number % 2 == 0
        owners, rows = [], []
        for _ in range(rng.choice([ROWS, 2 * ROWS])):
            if rng.random() < 0.1:
                owners.append(None)
                rows.append(stranger.odd(rng.choice([None, "", "0" + world.tenants[1].account, " " + world.tenants[1].account]) if is_text else None))
            else:
                tenant = rng.choice(world.tenants)
                owners.append(tenant)
                rows.append(builders[tenant.number].odd(tenant.account if is_text else int(tenant.account)))
        files[f"x={number}.parquet"] = (owners, rows, [])
    return "Odd", [], files


def monthly(world, rng):
    files = {}
    for tenant in world.tenants[1:]:
        builder = Builder(rng, tenant.number)
        for month in (date(2022, 12, 1), date(2023, 2, 1), date(2023, 8, 1), date(2023, 9, 1), date(2023, 12, 1), date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1), date(2024, 12, 1), None):
            rows = [builder.monthly(month) for _ in range(rng.choice([1, 20, 50]))]
            files[f"tenant={tenant.id}/Month={month or NULL_FOLDER}/rows.parquet"] = ([tenant] * len(rows), rows, [])
    return "Monthly", ["Month"], files


def marks_of(scope, tenants):
    """Marks (sort, tenant, location) that an answer for the scope may hold."""
    number = next(tenant.number for tenant in tenants if tenant.id == scope.tenant)
    within = lambda locations: {index for index, location in enumerate(LOCATIONS) if locations is None or location in locations}
    seen, clear = within(scope.rows), within(scope.clear)
    return {("mk", number, location) for location in seen} | {("sk", number, location) for location in seen & clear}
