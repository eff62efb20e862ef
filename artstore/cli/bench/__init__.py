"""`artstore bench`: what this machine and the user's own data would do."""

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
    """Measure checksums on this machine, and what deduplication would keep of your own data.

    Both need what `pip install 'artstore[bench]'` brings.
    """


command.add_command(checksum)
command.add_command(dedup)
