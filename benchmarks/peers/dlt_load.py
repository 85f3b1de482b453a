"""Load JSON lines with dlt; runs in dlt's own environment.

Its arguments: arrow or dicts, replace or merge, the lines, the database, and a folder
for what dlt remembers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import orjson
import pyarrow as pa
from pyarrow import json

_PAGE_ROWS = 10_000
# Its performance guide: files that rotate, so that two workers have something to do.
_TWO_WORKERS = {
    "NORMALIZE__WORKERS": "2",
    "DATA_WRITER__FILE_MAX_ITEMS": "100000",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
}


def tables(lines: str) -> Iterator[Any]:
    moment = pa.schema([("timestamp", pa.timestamp("ms", "UTC"))])
    batches = json.open_json(
        lines,
        read_options=json.ReadOptions(block_size=16_000_000),
        parse_options=json.ParseOptions(explicit_schema=moment),
    )
    for batch in batches:
        yield pa.Table.from_batches([batch])


def pages(lines: str) -> Iterator[list[Any]]:
    page: list[Any] = []
    with Path(lines).open("rb") as file:
        for line in file:
            page.append(orjson.loads(line))
            if len(page) == _PAGE_ROWS:
                yield page
                page = []
    yield page


def main() -> None:
    kind, disposition, lines, database, state = sys.argv[1:]
    if kind == "dicts":
        os.environ.update(_TWO_WORKERS)
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=state,
        destination=dlt.destinations.duckdb(database),
        dataset_name="raw",
    )
    rows = {"arrow": tables, "dicts": pages}[kind](lines)
    resource = dlt.resource(
        rows, name="events", primary_key="id", write_disposition=disposition
    )
    options = {"loader_file_format": "parquet"} if kind == "dicts" else {}
    print(pipeline.run(resource, **options))


if __name__ == "__main__":
    main()
