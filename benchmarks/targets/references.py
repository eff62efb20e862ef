"""P8: reference a prefix of versioned objects, some overwritten and some deleted, and count the requests."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from artstore import Store
from benchmarks.datasets import Size
from benchmarks.targets.row import Row, count

_ACCESS = {"key": "any", "secret": "any"}
_PAGE = 1000


def rows(work: Path, size: Size) -> Iterator[Row]:
    """Measure this goal."""
    overwritten, deleted = size.objects // 200, size.objects // 400
    with (
        bucket("images", size.objects, overwritten, deleted) as (uri, url, requests),
        Store.init(work / "store") as store,
    ):
        draft = store.draft("images", "dataset")
        options = {**_ACCESS, "endpoint_url": url}
        requests.clear()
        entries = store.add_reference(draft, uri, max_objects=size.objects, storage_options=options)
        request_count = len(requests)
        store.commit(draft)
    listed = size.objects + overwritten + deleted
    what = f"reference {len(entries):,} objects, {listed:,} versions and markers"
    yield count("P8", what, request_count, -(-listed // _PAGE) + 2, "requests")
    pinned = sum(entry.version_id is not None for entry in entries)
    living = size.objects - deleted
    yield Row("P8", "version ids recorded", f"{living:,}", f"{pinned:,}", pinned == len(entries) == living)


@contextmanager
def bucket(prefix: str, objects: int, overwritten: int, deleted: int) -> Iterator[tuple[str, str, list[str]]]:
    """Run a server with a versioned bucket; yield the URI of a prefix, the server's URL and a list of its requests."""
    import boto3
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from moto.s3.models import s3_backends
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application: Any = DomainDispatcherApplication(create_backend_app)
    requests: list[str] = []
    name = f"bench-{uuid.uuid4().hex}"

    def counting(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        requests.append(f"{environment['REQUEST_METHOD']} {environment['PATH_INFO']}?{environment['QUERY_STRING']}")
        reply: Iterable[bytes] = application(environment, start)
        return reply

    server = make_server("127.0.0.1", 0, counting, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        client = boto3.client(
            "s3", endpoint_url=url, aws_access_key_id="any", aws_secret_access_key="any", region_name="us-east-1"
        )
        client.create_bucket(Bucket=name)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        # Put directly into the server's storage: thousands of requests would take most of the time.
        backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        keys = [f"{prefix}/{number:06}" for number in range(objects)]
        for key in keys + keys[:overwritten]:
            backend.put_object(name, key, b"")
        for key in keys[len(keys) - deleted :]:
            backend.delete_object(name, key)
        yield f"s3://{name}/{prefix}/", url, requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
