"""The command `artstore`: a module for each verb, imported when it runs, and one place for errors and exit codes."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from artstore.errors import ArtstoreError
from artstore.runtime import release
from artstore.runtime.terminal import visible

# The short texts stand here and not in the modules, so that `artstore --help` imports none of them.
SECTIONS = {
    "Versions": {
        "put": "Store a file or folder as a version.",
        "ref": "Track objects where they are, as a version.",
        "get": "Write a version into a folder.",
        "ls": "List collections, versions or entries.",
        "show": "Show everything about one version.",
        "log": "Show how a collection came to be.",
        "diff": "Compare two versions.",
        "status": "Tell what became of the objects a version refers to.",
        "alias": "Set, remove or list aliases.",
        "tag": "Set, remove or list tags.",
        "pending": "List, finish or drop what parallel runs put together.",
        "rm": "Delete versions and free their space.",
    },
    "Where things come from": {
        "lineage": "Show what a version came from, and what came of it.",
        "runs": "List runs, or show everything about one.",
    },
    "The store": {
        "init": "Make a store.",
        "du": "Show what the store or each version takes.",
        "gc": "Remove what crashes left, and versions past their ttl.",
        "verify": "Read everything again and name what is damaged.",
        "backup": "Copy the store while it is in use.",
        "sql": "Answer a question in SQL.",
    },
    "Your machine and data": {
        "bench": "Measure checksums, and what deduplication would keep.",
    },
    "To begin with": {
        "demo": "Show all this in a store of its own.",
        "completion": "Let the shell complete names.",
    },
}
VERBS = {verb: said for section in SECTIONS.values() for verb, said in section.items()}

COMPLETING = "_ARTSTORE_COMPLETE"
"""The variable by which a shell asks for completions."""

INTERRUPTED = 130
NO_READER = 141


class Failure(click.ClickException):
    """An error that ends the command: its message goes to stderr, without a traceback."""

    exit_code = 2

    def __init__(self, error: ArtstoreError | OSError) -> None:
        said = str(error)
        if isinstance(error, OSError) and error.strerror:
            said = error.strerror if error.filename is None else f"{error.strerror}: {error.filename}"
        super().__init__(visible(said))


class Verbs(click.Group):
    """The verbs, listed from a table and imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"artstore.cli.{cmd_name}").command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        # The group's own way would import every verb for its help.
        verbs = [CompletionItem(verb, help=said) for verb, said in VERBS.items() if verb.startswith(incomplete)]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, VERBS))
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(verb.ljust(width), said) for verb, said in verbs.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read the output has enough. Nothing more may be written when Python flushes at its end.
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            raise click.exceptions.Exit(NO_READER) from None
        except (KeyboardInterrupt, click.Abort):
            click.echo("\ninterrupted", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except (ArtstoreError, OSError) as error:
            raise Failure(error) from error


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  artstore put images --name animals --type dataset
  artstore get animals:v0
  artstore ref s3://bucket/images --name images --type dataset

The store is the folder given by --store, else by ARTSTORE_DIR, else the nearest .artstore in the working folder or
one above it, else ./.artstore. Only init, put and ref make one.

\b
Exit codes:
  0    done
  1    the answer is no: damage was found, versions or references differ, nothing matched, nothing was deleted
  2    an error: wrong usage, or a reason on stderr why it could not be done
  130  interrupted (Ctrl-C)
  141  whoever read the output stopped reading
""",
)
@click.version_option(release.VERSION, message="%(prog)s %(version)s")
def verbs() -> None:
    """Versioned artifacts for machine-learning work, in one SQLite database and a folder, with no server."""


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is shown escaped, and is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if COMPLETING in os.environ:
        import_module("artstore.cli._completion")
    verbs(prog_name="artstore")
