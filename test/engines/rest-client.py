"""PyIceberg as a client of `firn catalog serve`, for the engine lane.

    rest-client.py life URI            one table from its creation to its end; prints what it saw
    rest-client.py together URI STEPS  eight clients on one table, then eight on eight
    rest-client.py refused URI         what must not work, and does not

Every mode prints one JSON object. The table of `together` is rest.shared, those of its own are
rest.own0 to rest.own7.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NamespaceNotEmptyError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, IntegerType, NestedField, StringType

CLIENTS = 8


def connect(uri):
    return RestCatalog("firn", uri=uri)


def rows_of(table):
    return sorted(table.scan().to_arrow().to_pylist(), key=lambda row: row["id"])


def life(uri):
    catalog = connect(uri)
    catalog.create_namespace(("life", "inner"), {"owner": "me"})
    catalog.update_namespace_properties(("life", "inner"), {"owner"}, {"team": "us"})
    schema = Schema(
        NestedField(1, "id", LongType(), required=True),
        NestedField(2, "n", IntegerType()),
        NestedField(3, "name", StringType()),
        identifier_field_ids=[1],
    )
    spec = PartitionSpec(PartitionField(3, 1000, IdentityTransform(), "name_part"))
    order = SortOrder(SortField(1, IdentityTransform()))
    name = ("life", "inner", "birth")
    table = catalog.create_table(name, schema, partition_spec=spec, sort_order=order, properties={"a": "1"})
    arrow = pyarrow.schema([
        pyarrow.field("id", pyarrow.int64(), nullable=False),
        pyarrow.field("n", pyarrow.int32()),
        pyarrow.field("name", pyarrow.string()),
    ])
    table.append(pyarrow.table({"id": [1, 2, 3], "n": [1, None, 3], "name": ["a", "b", "ö"]}, schema=arrow))
    first = table.current_snapshot().snapshot_id
    table.manage_snapshots().create_tag(first, "first").commit()
    with table.update_schema() as update:
        update.add_column("more", StringType())
        update.rename_column("name", "title")
        update.update_column("n", LongType())
    with table.update_spec() as update:
        update.add_identity("n")
    with table.transaction() as transaction:
        transaction.set_properties(b="2")
        transaction.remove_properties("a")
    table = catalog.load_table(name)
    wider = table.schema().as_arrow()
    table.append(pyarrow.table({"id": [4], "n": [2**40], "title": ["d"], "more": ["x"]}, schema=wider))
    table.delete("id = 2")
    with catalog.create_table_transaction(("life", "inner", "staged"), schema) as transaction:
        transaction.set_properties(made="at once")
    catalog.rename_table(name, ("life", "inner", "later"))
    later = catalog.load_table(("life", "inner", "later"))
    seen = {
        "rows": rows_of(later),
        "first": sorted(row["id"] for row in later.scan(snapshot_id=first).to_arrow().to_pylist()),
        "tag": str(later.refs()["first"].snapshot_id == first),
        "properties": dict(later.properties),
        "specs": len(later.specs()),
        "staged": dict(catalog.load_table(("life", "inner", "staged")).properties),
        "namespaces": [".".join(space) for space in catalog.list_namespaces("life")],
        "team": catalog.load_namespace_properties(("life", "inner")),
        "tables": sorted(table[-1] for table in catalog.list_tables(("life", "inner"))),
        "exists": [catalog.table_exists(name), catalog.table_exists(("life", "inner", "later"))],
        "same": str(later.metadata.table_uuid == table.metadata.table_uuid),
    }
    catalog.register_table(("life", "inner", "copy"), later.metadata_location)
    catalog.drop_table(("life", "inner", "copy"))
    for table_name in ("later", "staged"):
        catalog.purge_table(("life", "inner", table_name))
    catalog.drop_namespace(("life", "inner"))
    seen["left"] = [".".join(space) for space in catalog.list_namespaces()]
    return seen


def append_until_committed(catalog, name, row):
    conflicts = 0
    while True:
        try:
            table = catalog.load_table(name)
            table.append(pyarrow.table({"id": [row]}, schema=pyarrow.schema([("id", pyarrow.int64())])))
            return conflicts
        except CommitFailedException:
            conflicts += 1


def work(uri, client, name, steps):
    catalog = connect(uri)
    return sum(append_until_committed(catalog, name, client * 1000 + step) for step in range(steps))


def together(uri, steps):
    catalog = connect(uri)
    catalog.create_namespace("rest")
    schema = pyarrow.schema([("id", pyarrow.int64())])
    names = ["rest.shared"] + [f"rest.own{client}" for client in range(CLIENTS)]
    for name in names:
        catalog.create_table(name, schema=schema)
    seen = {}
    with ThreadPoolExecutor(CLIENTS) as pool:
        one = [pool.submit(work, uri, client, "rest.shared", steps) for client in range(CLIENTS)]
        seen["conflictsOnOne"] = sum(future.result() for future in one)
        own = [pool.submit(work, uri, client, f"rest.own{client}", steps) for client in range(CLIENTS)]
        seen["conflictsOnEight"] = sum(future.result() for future in own)
    seen["tables"] = {}
    for name in names:
        table = catalog.load_table(name)
        rows = [row["id"] for row in rows_of(table)]
        seen["tables"][name] = {"rows": rows, "snapshots": len(table.metadata.snapshots)}
    return seen


def refused(uri):
    catalog = connect(uri)
    catalog.create_namespace("refused")
    schema = Schema(NestedField(1, "id", LongType()))
    catalog.create_table("refused.t", schema)
    cases = {
        "namespace again": (NamespaceAlreadyExistsError, lambda: catalog.create_namespace("refused")),
        "namespace in use": (NamespaceNotEmptyError, lambda: catalog.drop_namespace("refused")),
        "no namespace": (NoSuchNamespaceError, lambda: catalog.create_table("none.t", schema)),
        "list of none": (NoSuchNamespaceError, lambda: catalog.list_tables("none")),
        "table again": (TableAlreadyExistsError, lambda: catalog.create_table("refused.t", schema)),
        "no table": (NoSuchTableError, lambda: catalog.load_table("refused.none")),
        "drop of none": (NoSuchTableError, lambda: catalog.drop_table("refused.none")),
        "rename of none": (NoSuchTableError, lambda: catalog.rename_table("refused.none", "refused.x")),
    }
    seen = {}
    for name, (expected, act) in cases.items():
        try:
            act()
            seen[name] = "nothing was refused"
        except Exception as error:
            seen[name] = "as expected" if isinstance(error, expected) else repr(error)
    try:
        catalog.create_table("refused.out", schema, location="file:///etc/firn")
        seen["outside"] = "nothing was refused"
    except Exception as error:
        seen["outside"] = "as expected" if "not under the warehouse" in str(error) else repr(error)
    return seen


MODES = {"life": life, "together": lambda uri: together(uri, int(sys.argv[3])), "refused": refused}
print(json.dumps(MODES[sys.argv[1]](sys.argv[2])))
