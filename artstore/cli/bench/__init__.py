"""`artstore bench`: measure checksums on this machine and deduplication of the user's data."""

from __future__ import annotations

import click

from artstore.cli import _options
from artstore.cli.bench.checksum import checksum
from artstore.cli.bench.dedup import dedup


@click.group(
    "bench",
    epilog=_options.examples(
        "artstore bench checksum", "artstore bench dedup run-1 run-2 run-3", "artstore bench dedup s3://bucket/images"
    ),
)
def command() -> None:
    """Measure the speed of checksums on this machine, and deduplication of your own data.

    Both need `pip install 'artstore[bench]'`.
    """


command.add_command(checksum)
command.add_command(dedup)
