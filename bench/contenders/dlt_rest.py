"""Reads /contacts of API, 100 a page, into public.contacts of DESTINATION, upserted by email."""

import os

import dlt
from dlt.sources.rest_api import rest_api_source

source = rest_api_source(
    {
        "client": {"base_url": os.environ["API"]},
        "resources": [
            {
                "name": "contacts",
                "primary_key": "email",
                "write_disposition": {"disposition": "merge", "strategy": "upsert"},
                "endpoint": {
                    "path": "contacts",
                    "data_selector": "data",
                    "paginator": {
                        "type": "offset",
                        "limit": 100,
                        "total_path": None,
                        "stop_after_empty_page": True,
                    },
                },
            }
        ],
    }
)
pipeline = dlt.pipeline(
    "rest",
    pipelines_dir=os.environ["STATE"],
    destination=dlt.destinations.postgres(os.environ["DESTINATION"]),
    dataset_name="public",
)
pipeline.run(source).raise_on_failed_jobs()
