"""`artstore get`: write a version into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from artstore.cli import _completion, _format, _open, _options
from artstore.core import names
from artstore.core.versions import Version
from artstore.runtime import terminal
from artstore.store import Store
from artstore.tracking import download_root, reproduce
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
@click.argument("name", metavar="NAME[:ALIAS]", shell_complete=_completion.versions)
@click.option(
    "--root",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder to write into.  [default: ./artifacts/NAME:vN]",
)
@click.option(
    "--with-inputs",
    is_flag=True,
    help="Also the inputs and the code of its run, and run.json with the config.",
)
@click.option("--path", "prefix", metavar="PREFIX", help="Only the entry at this path and the entries below it.")
@click.option("--allow-missing-references", "allow_missing", is_flag=True, help="Leave out references that are gone.")
@click.option("--materialize", is_flag=True, help="First store the objects that it references, as a new version.")
@_options.project_option
@_options.store_option
@_options.json_option
def command(
    name: str,
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

    Files that exist and are right are kept; others are verified and appear complete. Files that are not in the version
    are left alone. If the default folder belongs to a version of this name in another project or store, the folder is
    NAME:vN~PROJECT. ARTSTORE_ARTIFACT_DIR is used in place of ./artifacts.

    References are fetched as they were when they were added; it is an error if that content does not exist any more.
    With --materialize their bytes are stored as the next version of the collection, which does not need the server,
    and that version is written.

    With --with-inputs, several folders are written: NAME:vN; inputs/NAME:vN for each version that its run used or that
    it references; code/NAME:vN for the code that the run logged; and the file run.json. They are below
    ./artifacts/NAME:vN-with-inputs. If an input was deleted, the rest is written and the exit code is 1.
    """
    if with_inputs and prefix is not None:
        raise click.UsageError(
            "--path selects a part of one version, --with-inputs writes several versions: leave one out."
        )
    with _open.open_store(store) as opened:
        version = opened.version(name, project=project)
        if with_inputs:
            folder = root or download_root.of_version(opened, version, version.link or version, suffix="-with-inputs")
            _print_reproduced(reproduce.reproduce(opened, version, folder, progress=terminal.progress()), as_json)
            return
        if prefix is not None and not _has_path(opened, version, prefix):
            click.echo(f"{_format.name(version)} has nothing at or below {prefix!r}", err=True)
            raise click.exceptions.Exit(1)
        if materialize:
            version = opened.materialized(version, progress=terminal.progress())
        folder = root or download_root.of_version(opened, version, version.link or version)
        outcome = opened.get(
            version,
            folder,
            path_prefix=prefix,
            allow_missing_references=allow_missing,
            progress=terminal.progress(),
        )
    written = Written(version, folder, outcome.written, outcome.kept, outcome.missing)
    if as_json:
        _format.print_json(_data(written))
    else:
        _format.echo(_line(written))


def _print_reproduced(reproduced: Reproduced, as_json: bool) -> None:
    if as_json:
        _format.print_json(
            {
                **_data(reproduced.output),
                "inputs": [_data(written) for written in reproduced.inputs],
                "code": [_data(written) for written in reproduced.code],
                "missing": [version.qualified_name for version in reproduced.missing],
                "run": _format.run_data(reproduced.run),
                "run_file": str(reproduced.run_file.absolute()),
            }
        )
    else:
        _format.print_lines(map(_line, [reproduced.output, *reproduced.inputs, *reproduced.code]))
        _format.echo(f"{_format.near(reproduced.run_file.absolute())}  of run {terminal.visible(reproduced.run.name)}")
    for version in reproduced.missing:
        click.echo(f"{_format.name(version)} was deleted and cannot be written", err=True)
    if reproduced.missing:
        raise click.exceptions.Exit(1)


def _data(written: Written) -> dict[str, Any]:
    return {
        **_format.version_data(written.version),
        "root": str(written.folder.absolute()),
        "written": written.written,
        "kept": written.kept,
        "missing": written.missing,
    }


def _line(written: Written) -> str:
    files = _format.counted(written.written, "file", "files")
    missing = f", {written.missing:,} missing" if written.missing else ""
    return f"{_format.near(written.folder.absolute())}  {files} written, {written.kept:,} kept{missing}"


def _has_path(store: Store, version: Version, prefix: str) -> bool:
    path = names.entry_path(prefix)
    return store.entry(version, path) is not None or any(True for _ in store.entries(version, path))
