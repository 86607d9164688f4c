"""Makes a SQLite catalog and a table with one row through PyIceberg alone.

Arguments: path of the catalog, warehouse folder.
"""

import sys

import pyarrow
from pyiceberg.catalog.sql import SqlCatalog

path, warehouse = sys.argv[1:3]
catalog = SqlCatalog("firn", uri=f"sqlite:///{path}", warehouse=f"file://{warehouse}")
catalog.create_namespace("made")
rows = pyarrow.table({"id": pyarrow.array([7], pyarrow.int64())})
table = catalog.create_table("made.there", rows.schema, properties={"owner": "pyiceberg"})
table.append(rows)
