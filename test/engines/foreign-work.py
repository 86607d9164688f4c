"""What other engines do to tables, by PyIceberg.

Arguments: path of the SQLite catalog, warehouse folder, table, action. Prints nothing but what goes
wrong.
"""

import sys

import pyarrow
import pyarrow.parquet
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import IntegerType, LongType, NestedField, StringType


def refs(table):
    snapshot = table.current_snapshot().snapshot_id
    with table.manage_snapshots() as manage:
        manage.create_tag(snapshot, "theirs").create_branch(snapshot, "audit")


def settings(table):
    with table.transaction() as transaction:
        transaction.set_properties({"owner": "somebody"})


def extra_column(table):
    with table.update_schema() as update:
        update.add_column("extra", StringType())


def rename(table, before, after):
    with table.update_schema() as update:
        update.rename_column(before, after)


def make(catalog, name, folder, version):
    """A table with a history: renamed, widened and added columns, files without field ids."""
    namespace = name.split(".")[0]
    catalog.create_namespace_if_not_exists(namespace)
    schema = Schema(
        NestedField(1, "id", IntegerType(), required=False),
        NestedField(2, "kind", StringType(), required=False),
        NestedField(3, "note", StringType(), required=False),
    )
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "kind"))
    table = catalog.create_table(
        name, schema=schema, partition_spec=spec, properties={"format-version": version}
    )

    def rows(ids, kind, **more):
        columns = {"id": ids, "kind": [kind] * len(ids), **more}
        return pyarrow.Table.from_pydict(columns, schema=table.schema().as_arrow())

    table.append(rows([1, 2, 3], "a", note=["x", None, "z"]))
    table.append(rows([4, 5], "b", note=["four", "five"]))
    rename(table, "note", "remark")
    with table.update_schema() as update:
        update.update_column("id", LongType())
        update.add_column("later", StringType())
    table.append(rows([2**40, 7], "a", remark=["big", "seven"], later=["l", None]))
    table.delete("id = 2")
    # A file of another program, without field ids, under the names of its own time.
    path = f"{folder}/plain-{version}.parquet"
    plain = pyarrow.table({"later": ["p"], "id": pyarrow.array([99], pyarrow.int64()), "kind": ["c"]})
    pyarrow.parquet.write_table(plain, path)
    table.add_files([f"file://{path}"])


def main(path, warehouse, name, action):
    catalog = SqlCatalog("firn", uri=f"sqlite:///{path}", warehouse=f"file://{warehouse}")
    if action.startswith("make-"):
        make(catalog, name, warehouse, action.removeprefix("make-"))
        return
    table = catalog.load_table(name)
    actions = {
        "refs": lambda: refs(table),
        "settings": lambda: settings(table),
        "extra-column": lambda: extra_column(table),
        "rename": lambda: rename(table, "note", "remark"),
        "rename-back": lambda: rename(table, "remark", "note"),
        "delete-all": lambda: table.delete(AlwaysTrue()),
        "drop": lambda: catalog.drop_table(name),
    }
    actions[action]()


main(*sys.argv[1:])
