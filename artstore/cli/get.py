"""`artstore get`: a version becomes a folder again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from artstore.cli import _completion, _format, _options
from artstore.core import names
from artstore.core.versions import Version
from artstore.runtime import terminal
from artstore.store import Store
from artstore.tracking import reproduce
from artstore.tracking.reproduce import Reproduced, Written


@click.command(
    "get",
    epilog=_options.examples(
        "artstore get animals",
        "artstore get animals:v0 --root old",
        "artstore get animals:best --path train/cats",
        "artstore get animals --materialize",
        "artstore get classifier:v2 --with-inputs --root again",
    ),
)
@click.argument("wanted", metavar="NAME[:ALIAS]", shell_complete=_completion.versions)
@click.option(
    "--root",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder to write into.  [default: ./artifacts/NAME:vN]",
)
@click.option(
    "--with-inputs",
    is_flag=True,
    help="Also what its run used, the code it logged, and run.json with the config.",
)
@click.option("--path", "prefix", metavar="PREFIX", help="Only the entry at this path, and those below it.")
@click.option("--allow-missing-references", "allow_missing", is_flag=True, help="Leave out references that are gone.")
@click.option("--materialize", is_flag=True, help="First take what it refers to into the store, as a new version.")
@_options.project_option
@_options.store_option
@_options.json_option
def command(
    wanted: str,
    root: Path | None,
    with_inputs: bool,
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

    With --with-inputs there are several folders: NAME:vN, inputs/NAME:vN for each version that the run which logged
    it used or that it references, code/NAME:vN for the code that the run logged, and the file run.json. They go below
    ./artifacts/NAME:vN-with-inputs. If an input was deleted the rest is written, and the exit code is 1.
    """
    if with_inputs and prefix is not None:
        raise click.UsageError("--path takes a part of one version, --with-inputs all of several: leave one out.")
    with _options.open_store(store) as opened:
        version = opened.version(wanted, project=project)
        if with_inputs:
            folder = root or Path("artifacts", f"{reproduce.folder_name(version)}-with-inputs")
            _tell(reproduce.reproduce(opened, version, folder, progress=terminal.progress()), as_json)
            return
        if prefix is not None and not _has(opened, version, prefix):
            click.echo(f"{_format.name(version)} has nothing at or below {prefix!r}", err=True)
            raise click.exceptions.Exit(1)
        if materialize:
            version = opened.materialized(version, progress=terminal.progress())
        folder = root or Path("artifacts", reproduce.folder_name(version))
        done = opened.get(
            version,
            folder,
            path_prefix=prefix,
            allow_missing_references=allow_missing,
            progress=terminal.progress(),
        )
    got = Written(version, folder, done.written, done.kept, done.missing)
    if as_json:
        _format.print_json(_data(got))
    else:
        click.echo(_line(got))


def _tell(done: Reproduced, as_json: bool) -> None:
    if as_json:
        _format.print_json(
            {
                **_data(done.output),
                "inputs": [_data(each) for each in done.inputs],
                "code": [_data(each) for each in done.code],
                "missing": [each.qualified_name for each in done.missing],
                "run": _format.run_data(done.run),
                "run_file": str(done.run_file.absolute()),
            }
        )
    else:
        _format.print_lines(map(_line, [done.output, *done.inputs, *done.code]))
        click.echo(f"{_format.near(done.run_file.absolute())}  of run {terminal.visible(done.run.name)}")
    for each in done.missing:
        click.echo(f"{_format.name(each)} was deleted, and cannot be written", err=True)
    if done.missing:
        raise click.exceptions.Exit(1)


def _data(each: Written) -> dict[str, Any]:
    where = {
        "root": str(each.folder.absolute()),
        "written": each.written,
        "kept": each.kept,
        "missing": each.missing,
    }
    return {**_format.version_data(each.version), **where}


def _line(each: Written) -> str:
    written = _format.counted(each.written, "file", "files")
    missing = f", {each.missing:,} missing" if each.missing else ""
    return f"{_format.near(each.folder.absolute())}  {written} written, {each.kept:,} kept{missing}"


def _has(store: Store, version: Version, prefix: str) -> bool:
    path = names.entry_path(prefix)
    return store.entry(version, path) is not None or any(True for _ in store.entries(version, path))
