"""Reads an Iceberg table through PyIceberg, for the engine lane. In place of a SQLite catalog's path
there may be the http:// address of a REST catalog.

    read.py rows CATALOG_DB NAMESPACE.TABLE... [--snapshot ID | --ref NAME] [--digest-above BYTES]
    read.py describe CATALOG_DB NAMESPACE.TABLE

`rows` prints one JSON object per row, in no particular order, with every value exact: 64-bit integers
and decimals as digits, binary as hex, times as ISO 8601 with microseconds (UTC with a Z), maps as
lists of pairs, NaN and infinities by name; longer text and binary by their SHA-256. A line with a
table's name as a JSON string stands before its rows. `describe` prints one object about the table.
The variable FIRN_CATALOG_PROPERTIES holds further properties of the catalog as JSON.
"""

import argparse
import hashlib
import json
import math
import os
import sys
from datetime import timezone

from pyiceberg import types
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.catalog.sql import SqlCatalog

DIGITS = (types.LongType, types.DecimalType)
BYTES = (types.BinaryType, types.FixedType)
FLOATS = (types.FloatType, types.DoubleType)
ZONED = (types.TimestamptzType,)


def exact_float(value):
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def exact(value, kind):
    """The JSON form of one value of an Iceberg type."""
    if value is None:
        return None
    if isinstance(kind, types.StructType):
        return {field.name: exact(value[field.name], field.field_type) for field in kind.fields}
    if isinstance(kind, types.ListType):
        return [exact(item, kind.element_type) for item in value]
    if isinstance(kind, types.MapType):
        pairs = value.items() if isinstance(value, dict) else value
        return [[exact(k, kind.key_type), exact(v, kind.value_type)] for k, v in pairs]
    if isinstance(kind, DIGITS):
        return format(value, "f") if isinstance(kind, types.DecimalType) else str(value)
    if isinstance(kind, BYTES):
        return bytes(value).hex()
    if isinstance(kind, FLOATS):
        return exact_float(value)
    if isinstance(kind, ZONED):
        return value.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(kind, types.TimestampType):
        return value.isoformat(timespec="microseconds")
    if isinstance(kind, (types.DateType, types.TimeType)):
        return value.isoformat()
    if isinstance(kind, types.UUIDType):
        return str(value)
    return value


def digested(value, limit):
    """A value, or its SHA-256 when it is text or bytes of more than `limit` bytes."""
    if not isinstance(value, (str, bytes)) or len(value) * 4 <= limit:
        return value
    data = value.encode() if isinstance(value, str) else value
    return "sha256:" + hashlib.sha256(data).hexdigest() if len(data) > limit else value


def shown(value, kind, limit):
    short = digested(value, limit)
    return short if short is not value else exact(value, kind)


def print_rows(table, arguments):
    scan = table.scan()
    if arguments.snapshot is not None:
        scan = table.scan(snapshot_id=int(arguments.snapshot))
    elif arguments.ref is not None:
        scan = scan.use_ref(arguments.ref)
    fields = scan.projection().fields
    for batch in scan.to_arrow().to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            values = {
                field.name: shown(row[field.name], field.field_type, arguments.digest_above)
                for field in fields
            }
            print(json.dumps(values, ensure_ascii=False, allow_nan=False))


def describe(table):
    metadata = table.metadata
    schema = table.schema()
    return {
        "formatVersion": metadata.format_version,
        "uuid": str(metadata.table_uuid),
        "location": metadata.location,
        "fields": [
            {"id": f.field_id, "name": f.name, "type": str(f.field_type), "required": f.required}
            for f in schema.fields
        ],
        "identifierFieldIds": list(schema.identifier_field_ids),
        "partition": [f"{f.transform}({f.source_id})" for f in table.spec().fields],
        "currentSnapshotId": str(metadata.current_snapshot_id),
        "snapshots": [
            {
                "id": str(s.snapshot_id),
                "parentId": None if s.parent_snapshot_id is None else str(s.parent_snapshot_id),
                "sequenceNumber": str(s.sequence_number),
                "operation": s.summary.operation.value,
                "summary": s.summary.additional_properties,
            }
            for s in metadata.snapshots
        ],
        "refs": {
            name: {"type": str(ref.snapshot_ref_type.value), "snapshotId": str(ref.snapshot_id)}
            for name, ref in metadata.refs.items()
        },
        "properties": dict(metadata.properties),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["rows", "describe"])
    parser.add_argument("catalog")
    parser.add_argument("table", nargs="+")
    parser.add_argument("--snapshot")
    parser.add_argument("--ref")
    parser.add_argument("--digest-above", type=int, default=sys.maxsize)
    arguments = parser.parse_args()
    more = json.loads(os.environ.get("FIRN_CATALOG_PROPERTIES", "{}"))
    served = arguments.catalog.startswith("http://")
    uri = arguments.catalog if served else f"sqlite:///{arguments.catalog}"
    catalog = (RestCatalog if served else SqlCatalog)("firn", uri=uri, **more)
    for name in arguments.table:
        table = catalog.load_table(name)
        if arguments.mode == "rows":
            print(json.dumps(name))
            print_rows(table, arguments)
        else:
            print(json.dumps(describe(table)))


if __name__ == "__main__":
    sys.exit(main())
