"""One Parquet file in one of the many ways that writers have: types, encodings, sizes, spellings of names."""

import pyarrow as pa
import pyarrow.parquet as pq

COMPRESSIONS = ["none", "snappy", "zstd", "gzip", "lz4", "brotli"]


def arrow_type(kind):
    return {
        "string": pa.string(), "int64": pa.int64(), "float64": pa.float64(), "date": pa.date32(), "bool": pa.bool_(),
        "timestamp": pa.timestamp("us", "UTC"), "decimal": pa.decimal128(kind.precision, kind.scale) if kind.precision else None,
    }[kind.name]


def fitting(rng, kind, values):
    """Another type that a file may have for the column, if all of its values fit."""
    present = [value for value in values if value is not None]
    match kind.name:
        case "string":
            return rng.choice([pa.string(), pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
        case "int64":
            types = [pa.int64(), pa.int64()]
            for bits, type_ in ((32, pa.int32()), (16, pa.int16()), (8, pa.int8())):
                if all(-(2 ** (bits - 1)) <= value < 2 ** (bits - 1) for value in present):
                    types.append(type_)
            if all(value >= 0 for value in present):
                types.append(pa.uint64())
            return rng.choice(types)
        case "timestamp":
            units = ["us", "us"]
            if all(value.microsecond % 1000 == 0 for value in present):
                units.append("ms")
            if all(1900 < value.year < 2200 for value in present):
                units.append("ns")
            return pa.timestamp(rng.choice(units), rng.choice(["UTC", "UTC", None, "+02:00", "America/New_York"]))
        case "date":
            return rng.choice([pa.date32(), pa.date32(), pa.date32(), pa.date64()])
        case "decimal":
            digits = max((len(value.as_tuple().digits) for value in present), default=1)
            if rng.random() < 0.3:
                return pa.decimal128(min(max(digits, kind.scale, 1), kind.precision), kind.scale)
        case "float64" if all(value == as_single(value) for value in present):
            return rng.choice([pa.float64(), pa.float32()])
    return arrow_type(kind)


def as_single(value):
    try:
        return pa.scalar(value, pa.float64()).cast(pa.float32()).as_py()
    except pa.ArrowInvalid:
        return None


def write(rng, path, columns, rows):
    """`columns`: pairs of a name and its kind, or None for the owner's, which is as its values are."""
    fields, arrays = [], []
    for name, kind in rng.sample(columns, len(columns)) if rng.random() < 0.3 else columns:
        values = [row[name] for row in rows]
        if kind is None:
            type_ = pa.int64() if any(isinstance(value, int) for value in values) else pa.string()
        elif all(value is None for value in values) and rng.random() < 0.5:
            type_ = pa.null()
        else:
            type_ = fitting(rng, kind, values) if rng.random() < 0.5 else arrow_type(kind)
        array = pa.array(values, pa.timestamp("us", "UTC")).cast(type_) if pa.types.is_timestamp(type_) else pa.array(values, type_)
        arrays.append(array)
        fields.append(pa.field(rng.choice([name.upper(), name.lower()]) if rng.random() < 0.05 and name.isascii() else name, type_))
    if rng.random() < 0.2:
        arrays.append(pa.array([f"mk9x9x{number}" for number in range(len(rows))]))
        fields.append(pa.field("a column that nobody defined", pa.string()))
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    path.parent.mkdir(parents=True, exist_ok=True)
    names = table.column_names
    pq.write_table(
        table, path,
        row_group_size=rng.choice([max(len(rows) // 8, 1), 50, 100_000, 100_000]),
        use_dictionary=rng.choice([True, True, False, [name for name in names if rng.random() < 0.5]]),
        dictionary_pagesize_limit=rng.choice([64, 1 << 20, 1 << 20]),
        compression=rng.choice(COMPRESSIONS),
        data_page_version=rng.choice(["1.0", "2.0"]),
        data_page_size=rng.choice([256, 1 << 20, 1 << 20]),
        write_batch_size=rng.choice([8, 1024]),
        write_statistics=rng.choice([True, True, True, False]),
        write_page_index=rng.choice([True, False]),
        store_schema=rng.choice([True, True, False]),
        store_decimal_as_integer=rng.choice([True, False]),
    )
