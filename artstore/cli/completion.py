"""`artstore completion`: print the script that makes a shell complete verbs, options and names."""

from __future__ import annotations

import os
from pathlib import Path

import click

from artstore.cli import _completion, _options, verbs

SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion", epilog=_options.examples("artstore completion fish > ~/.config/fish/completions/artstore.fish")
)
@click.argument("shell", metavar="[bash|zsh|fish]", required=False, type=click.Choice(SHELLS))
def command(shell: str | None) -> None:
    """Print the script that makes a shell complete verbs, options, names, aliases and projects.

    Without an argument, for the shell that $SHELL names. To have completion in every session, add one line to the
    start-up file of your shell:

    \b
      ~/.bashrc                   eval "$(artstore completion bash)"
      ~/.zshrc (after compinit)   eval "$(artstore completion zsh)"
      ~/.config/fish/config.fish  artstore completion fish | source
    """
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise click.UsageError("For which shell? Name bash, zsh or fish, as in: artstore completion bash")
    click.echo(_completion.script(name, verbs), nl=False)
