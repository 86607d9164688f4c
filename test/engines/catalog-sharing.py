"""Commits to a SQLite catalog through PyIceberg while others do the same.

Arguments: path of the catalog, warehouse folder, name of this worker, number of steps. Each step sets
one property of shop.a and appends one row to a table of the worker's own. A lost race is tried again,
as every client does; any other error ends the process.
"""

import sys

import pyarrow
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException


def until_committed(act):
    while True:
        try:
            return act()
        except CommitFailedException:
            pass


def main(path, warehouse, worker, steps):
    catalog = SqlCatalog("firn", uri=f"sqlite:///{path}", warehouse=f"file://{warehouse}")
    catalog.create_namespace(f"space_{worker}")
    schema = pyarrow.schema([("id", pyarrow.int64())])
    own = f"space_{worker}.own"
    catalog.create_table(own, schema=schema)
    for step in range(steps):

        def set_property():
            with catalog.load_table("shop.a").transaction() as transaction:
                transaction.set_properties({f"{worker}-{step}": "1"})

        until_committed(set_property)
        rows = pyarrow.table({"id": [step]}, schema=schema)
        until_committed(lambda: catalog.load_table(own).append(rows))


main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
