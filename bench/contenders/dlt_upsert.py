"""One dlt run: public.customers of SOURCE into that of DESTINATION, upserted by id. Argument: full or incremental."""

import os
import sys

import dlt
from dlt.sources.sql_database import sql_table

how = sys.argv[1]
table = sql_table(
    credentials=os.environ["SOURCE"].replace("postgresql:", "postgresql+psycopg2:"),
    schema="public",
    table="customers",
    backend="pyarrow",
    chunk_size=100_000,
    reflection_level="full_with_precision",
    incremental=dlt.sources.incremental("updated_at", range_start="open") if how == "incremental" else None,
)
table.apply_hints(primary_key="id", write_disposition={"disposition": "merge", "strategy": "upsert"})
pipeline = dlt.pipeline(
    how,
    pipelines_dir=os.environ["STATE"],
    destination=dlt.destinations.postgres(os.environ["DESTINATION"]),
    dataset_name="public",
)
pipeline.run(table, schema=dlt.Schema("bench"), loader_file_format="csv").raise_on_failed_jobs()
