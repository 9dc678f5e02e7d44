"""What a replica cannot be told by ECS before it runs, and asks there itself: which task it is.

Elsewhere the engine puts it into LINKPOOL_TASK. ECS knows a task's name only once it is placed, and tells it
to the task's own containers (task metadata endpoint, version 4).
"""

import json
import urllib.request
from collections.abc import MutableMapping
from http.client import HTTPException
from urllib.parse import urlsplit

from linkpool.errors import Temporary

WHERE = "ECS_CONTAINER_METADATA_URI_V4"
SECONDS = 5.0


class NotPlaced(Temporary):
    """ECS does not say which task this is."""


def ask_place(environ: MutableMapping[str, str]) -> None:
    """Fill in LINKPOOL_TASK on ECS, where nobody else could; elsewhere nothing is asked. Raises NotPlaced."""
    where = environ.get(WHERE)
    if environ.get("LINKPOOL_TASK") or not where:
        return
    if urlsplit(where).scheme != "http":
        raise NotPlaced(f"{WHERE} is {where!r}, which is no http URL")
    try:
        with urllib.request.urlopen(f"{where}/task", timeout=SECONDS) as answer:  # noqa: S310 - checked above
            arn = str(json.load(answer)["TaskARN"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        raise NotPlaced(f"ECS does not say at {where}/task which task this is: {error}") from error
    environ["LINKPOOL_TASK"] = arn.rpartition("/")[2]
