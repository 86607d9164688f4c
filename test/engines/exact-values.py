"""Makes a table with one column of each kind of value, two snapshots and a tag, with PyIceberg alone."""

import sys
from datetime import date, datetime, timezone
from decimal import Decimal

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BinaryType,
    DateType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
)

FIELDS = [
    ("big", LongType()),
    ("small", IntegerType()),
    ("price", DecimalType(20, 3)),
    ("share", DoubleType()),
    ("name", StringType()),
    ("bytes", BinaryType()),
    ("day", DateType()),
    ("seen", TimestamptzType()),
    ("local", TimestampType()),
    ("inner", StructType(NestedField(20, "deep", LongType()))),
]
WIDE = 2**63 - 1


def main(folder):
    uri = f"sqlite:///{folder}/catalog.db"
    catalog = SqlCatalog("firn", uri=uri, warehouse=f"file://{folder}")
    catalog.create_namespace("shop")
    schema = Schema(*[NestedField(i + 1, n, t) for i, (n, t) in enumerate(FIELDS)])
    table = catalog.create_table("shop.values", schema)
    row = {
        "big": WIDE,
        "small": -7,
        "price": Decimal("12345678901234567.890"),
        "share": float("inf"),
        "name": "a\x00\U0001f600",
        "bytes": b"\x00\xff",
        "day": date(1969, 12, 31),
        "seen": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc),
        "local": datetime(1960, 1, 1, 0, 0, 0, 1),
        "inner": {"deep": -WIDE},
    }
    arrow = table.schema().as_arrow()
    table.append(pa.Table.from_pylist([row], schema=arrow))
    first = table.current_snapshot().snapshot_id
    table.manage_snapshots().create_tag(first, "first").commit()
    table.append(pa.Table.from_pylist([{name: None for name, _ in FIELDS}], schema=arrow))
    print(first)


main(sys.argv[1])
