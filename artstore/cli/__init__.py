"""The `artstore` command: one module per verb, imported when the verb runs. Errors and exit codes are handled here."""

from __future__ import annotations

import io
import os
import re
import sys
from importlib import import_module
from typing import IO, Any

import click
from click.shell_completion import CompletionItem

from artstore.errors import ArtstoreError
from artstore.runtime import release, words
from artstore.runtime.terminal import fitted, room, visible, wrapped

# The summaries are here and not in the modules, so that `artstore --help` imports none of them.
SECTIONS = {
    "Versions": {
        "put": "Store a file or folder as a version.",
        "ref": "Track objects where they are, as a version.",
        "get": "Write a version into a folder.",
        "ls": "List collections, versions or entries.",
        "show": "Show everything about one version.",
        "log": "Show the history of a collection.",
        "diff": "Compare two versions.",
        "status": "Check whether referenced objects changed.",
        "alias": "Set, remove or list aliases.",
        "tag": "Set, remove or list tags.",
        "pending": "List, finish or drop versions that parallel runs build.",
        "rm": "Delete versions and free their space.",
    },
    "Lineage": {
        "lineage": "Show what a version was made from and what used it.",
        "runs": "List runs, show one, or compare some.",
        "report": "Write a run or a comparison as one HTML file.",
        "ui": "Show runs, artifacts and lineage in a browser.",
    },
    "The store": {
        "init": "Create a store.",
        "du": "Show the space that the store or each version takes.",
        "gc": "Clean up after crashes and delete expired versions.",
        "verify": "Read everything again and report damage.",
        "repair": "Heal damaged content from a backup, store or folder.",
        "backup": "Copy the store while it is in use.",
        "restore": "Put a backup back.",
        "sql": "Run a read-only SQL query.",
    },
    "Your machine and data": {
        "bench": "Measure checksum speed, and deduplication of your data.",
    },
    "Getting started": {
        "demo": "Run the verbs on a small example.",
        "completion": "Print the script for shell completion.",
    },
}
VERBS = {verb: summary for section in SECTIONS.values() for verb, summary in section.items()}

COMPLETING = "_ARTSTORE_COMPLETE"
"""The variable that a shell sets to ask for completions."""

INTERRUPTED = 130
NO_READER = 141

_SUGGESTION = re.compile(r"""\b([Pp]ass) ([a-z_]+)=(?:True\b)?((?:'[^']*'|"[^"]*"|\w+|\.\.\.)?)""")
_OPTIONS = {
    "delete_aliases": "--delete-aliases",
    "force": "--force",
    "max_objects": "--max-objects",
    "name": "--as",
    "replace": "--replace",
    "store": "--store",
    "type": "--type",
}


class Failure(click.ClickException):
    """An error that ends the command: its message is printed to stderr, without a traceback."""

    exit_code = 2

    def __init__(self, error: ArtstoreError | OSError) -> None:
        message = _with_options(str(error))
        if isinstance(error, OSError) and error.strerror:
            message = error.strerror if error.filename is None else f"{error.strerror}: {error.filename}"
        super().__init__(visible(message))

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(fitted(f"Error: {self.format_message()}", sys.stderr), file=file, err=True)


def _with_options(message: str) -> str:
    """Replace the Python arguments that a message suggests by options: `pass force=True` becomes `pass --force`."""

    def option(suggestion: re.Match[str]) -> str:
        before, argument, value = suggestion.groups()
        if argument not in _OPTIONS:
            return suggestion[0]
        return " ".join(filter(None, [before, _OPTIONS[argument], value.strip("'\"")]))

    return _SUGGESTION.sub(option, message)


class _Help(click.HelpFormatter):
    """Formats help; commands in examples that are too long for the terminal continue on the next line."""

    def getvalue(self) -> str:
        columns = room(sys.stdout)
        lines = super().getvalue().split("\n")
        return "\n".join(lines if columns is None else (part for line in lines for part in _fitted(line, columns)))


def _fitted(line: str, columns: int) -> list[str]:
    if not line.lstrip().startswith("artstore "):
        return list(wrapped(line, columns)) or [line]
    *before, last = wrapped(line, columns) if len(line) <= columns else wrapped(line, columns - 2)
    return [*(f"{part} \\" for part in before), last]


click.Context.formatter_class = _Help


class Verbs(click.Group):
    """The verbs, listed from a table and imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"artstore.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            near = words.nearest(args[0], VERBS)
            hint = f"did you mean {near!r}?" if near else "`artstore --help` lists the verbs."
            ctx.fail(f"No such command {args[0]!r}: {hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        # The group's own way would import every verb for its help.
        verbs = [CompletionItem(verb, help=summary) for verb, summary in VERBS.items() if verb.startswith(incomplete)]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, VERBS))
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(verb.ljust(width), summary) for verb, summary in verbs.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader has closed the pipe: when Python flushes at exit, nothing more may be written to it.
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            raise click.exceptions.Exit(NO_READER) from None
        except (KeyboardInterrupt, click.Abort):
            click.echo("\ninterrupted", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except click.UsageError as error:
            message = fitted(f"Error: {error.format_message()}", sys.stderr).removeprefix("Error: ")
            raise click.UsageError(message, ctx=error.ctx) from error
        except (ArtstoreError, OSError) as error:
            raise Failure(error) from error
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:
            damaged = import_module("artstore.cli._open").damage_behind(error)
            if damaged is None:
                raise
            raise Failure(damaged) from error


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  artstore put images --name animals --type dataset
  artstore get animals:v0
  artstore ref s3://bucket/images --name images --type dataset

The store is the folder given by --store, otherwise by ARTSTORE_DIR, otherwise the nearest .artstore in the working
folder or a folder above it, otherwise ./.artstore. Only init, put and ref create one.

\b
Exit codes:
  0    done
  1    the answer is no: damage was found, versions or references differ, nothing matched, nothing was deleted
  2    an error: wrong usage, or a failure whose reason is on stderr
  130  interrupted (Ctrl-C)
  141  the reader of the output closed the pipe
""",
)
@click.version_option(release.VERSION, message="%(prog)s %(version)s")
def verbs() -> None:
    """Versioned artifacts for machine-learning work, in one SQLite database and a folder, with no server."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding cannot show is printed escaped, instead of ending the command.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if COMPLETING in os.environ:
        import_module("artstore.cli._completion")
    verbs(prog_name="artstore")
