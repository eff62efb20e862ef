"""`artstore get`: a version becomes a folder again."""

from __future__ import annotations

import os
from pathlib import Path

import click

from artstore import names, terminal
from artstore.cli import completing, options, showing
from artstore.store import Store
from artstore.version import Version


@click.command(
    "get",
    epilog=options.examples(
        "artstore get animals",
        "artstore get animals:v0 --root old",
        "artstore get animals:best --path train/cats",
        "artstore get animals --materialize",
    ),
)
@click.argument("wanted", metavar="NAME[:ALIAS]", shell_complete=completing.versions)
@click.option(
    "--root",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder to write into.  [default: ./artifacts/NAME:vN]",
)
@click.option("--path", "prefix", metavar="PREFIX", help="Only the entry at this path, and those below it.")
@click.option("--allow-missing-references", "allow_missing", is_flag=True, help="Leave out references that are gone.")
@click.option("--materialize", is_flag=True, help="First take what it refers to into the store, as a new version.")
@options.project_option
@options.store_option
@options.json_option
def command(
    wanted: str,
    root: Path | None,
    prefix: str | None,
    allow_missing: bool,
    materialize: bool,
    project: str,
    store: Path | None,
    as_json: bool,
) -> None:
    """Write a version into a folder; without an alias, the newest.

    Files that are there already and right are kept, others appear complete and verified. What the version does not
    name is left alone.

    References are fetched as they were when they were added, or it is an error: something else is there, or nothing.
    With --materialize their bytes are taken into the store as the next version of the collection, which then needs no
    server any more, and it is that version that is written.
    """
    with options.open_store(store) as opened:
        version = opened.version(wanted, project=project)
        if prefix is not None and not _has(opened, version, prefix):
            click.echo(f"{showing.name(version)} has nothing at or below {prefix!r}", err=True)
            raise click.exceptions.Exit(1)
        if materialize:
            version = opened.materialized(version, progress=terminal.progress())
        folder = root or Path("artifacts", _folder(version))
        done = opened.get(
            version,
            folder,
            path_prefix=prefix,
            allow_missing_references=allow_missing,
            progress=terminal.progress(),
        )
    if as_json:
        data = {**showing.version_data(version), "root": str(folder.absolute())}
        showing.print_json({**data, **done._asdict()})
        return
    written = showing.counted(done.written, "file", "files")
    missing = f", {done.missing:,} missing" if done.missing else ""
    click.echo(f"{showing.near(folder.absolute())}  {written} written, {done.kept:,} kept{missing}")


def _folder(version: Version) -> str:
    found = version.link or version
    # A colon is a drive's or a stream's on Windows.
    return f"{found.collection}{'-' if os.name == 'nt' else ':'}v{found.number}"


def _has(store: Store, version: Version, prefix: str) -> bool:
    path = names.entry_path(prefix)
    return store.entry(version, path) is not None or any(True for _ in store.entries(version, path))
