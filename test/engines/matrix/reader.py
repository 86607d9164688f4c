"""A Python engine as a reader of the matrix: reader.py pyiceberg|duckdb|polars|chdb|daft [EXTENSIONS]

Requests come as lines on stdin, fields apart by tabs, each field but the first in base64; one line of
JSON answers each.

    open NAME SETUP         runs the setup: Python, or SQL for duckdb and chdb
    read NAME QUERY KINDS   the rows of a query, {"columns": [...], "rows": [[...]]}; KINDS is a JSON
                            object from column to the kind of value that it holds

A cell is text or null: digits; the bits of a floating-point number in hex; bytes in hex; days or
microseconds since 1970. Every engine hands its rows over as Arrow. EXTENSIONS is the folder in which
DuckDB looks for its extensions.
"""

import base64
import importlib.metadata
import json
import os
import struct
import sys
import uuid

import pyarrow


class Python:
    """Engines that are called in Python: the setup and the query are its statements."""

    def open(self, setup):
        names = {}
        exec(setup, names)
        return names

    def read(self, names, query):
        found = eval(query, names)
        return found.to_arrow() if hasattr(found, "to_arrow") else found


class DuckDb:
    def open(self, setup):
        import duckdb

        connection = duckdb.connect(config={"extension_directory": sys.argv[2], "threads": "2"})
        connection.execute(setup)
        return connection

    def read(self, connection, query):
        return connection.execute(query).to_arrow_table()


class ChDb:
    """One process holds one session, so that each lake takes the place of the one before."""

    setup = None
    session = None

    def open(self, setup):
        return setup

    def read(self, setup, query):
        if setup != self.setup:
            self.begin(setup)
        try:
            answer = self.session.query(query, "ArrowStream")
        except Exception:
            # chDB 4.4.0 answers the query after one that failed with rows missing.
            self.setup = None
            raise
        return pyarrow.ipc.open_stream(pyarrow.py_buffer(answer.bytes())).read_all()

    def begin(self, setup):
        from chdb.session import Session

        if self.session is not None:
            self.session.close()
        self.session = Session()
        for statement in filter(str.strip, setup.split(";\n")):
            self.session.query(statement)
        self.setup = setup


ENGINES = {"duckdb": DuckDb, "chdb": ChDb}
MICROSECONDS = {"s": 1_000_000, "ms": 1000, "us": 1}


def since_1970(column):
    """Days of dates, microseconds of times."""
    kind = column.type
    if pyarrow.types.is_date32(kind):
        return column.cast(pyarrow.int32()).to_pylist()
    if not pyarrow.types.is_timestamp(kind):
        raise ValueError(f"{kind} is no type of a time")
    numbers = column.cast(pyarrow.int64()).to_pylist()
    if kind.unit == "ns":
        return [None if number is None else number // 1000 for number in numbers]
    return [None if number is None else number * MICROSECONDS[kind.unit] for number in numbers]


def packed(form):
    return lambda value: struct.pack(form, value).hex()


def uuid_digits(value):
    if isinstance(value, bytes):
        return value.hex()
    return (value if isinstance(value, uuid.UUID) else uuid.UUID(value)).hex


TEXT = {
    "boolean": lambda value: "true" if value else "false",
    "integer": lambda value: str(int(value)),
    "float": packed(">f"),
    "double": packed(">d"),
    "decimal": lambda value: format(value, "f"),
    "string": lambda value: value if isinstance(value, str) else value.decode(),
    "binary": lambda value: value.encode().hex() if isinstance(value, str) else bytes(value).hex(),
    "uuid": uuid_digits,
    "date": str,
    "timestamp": str,
    "timestamptz": str,
}
TIMES = ("date", "timestamp", "timestamptz")


def cells(column, kind):
    if kind in TIMES:
        values = since_1970(column)
    elif kind == "binary" and pyarrow.types.is_string(column.type):
        values = column.cast(pyarrow.binary()).to_pylist()
    else:
        values = column.to_pylist()
    return [None if value is None else TEXT[kind](value) for value in values]


def read(engine, session, query, kinds):
    table = engine.read(session, query)
    names = [name for name in table.column_names if name in kinds]
    columns = [cells(table.column(name), kinds[name]) for name in names]
    return {"columns": names, "rows": [list(row) for row in zip(*columns)]}


def answer(engine, name, sessions, fields):
    try:
        if fields[0] == "open":
            sessions[fields[1]] = engine.open(fields[2])
            return {"version": importlib.metadata.version(name)}
        return read(engine, sessions[fields[1]], fields[2], json.loads(fields[3]))
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    name = sys.argv[1]
    engine = ENGINES.get(name, Python)()
    sessions = {}
    # What engines print themselves must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        verb, *rest = line.rstrip("\n").split("\t")
        fields = [verb, *(base64.b64decode(field).decode() for field in rest)]
        print(json.dumps(answer(engine, name, sessions, fields)), file=answers, flush=True)


if __name__ == "__main__":
    main()
