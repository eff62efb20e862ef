"""`artstore completion`: what makes a shell complete verbs, options and names."""

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
    """Print the script that lets a shell complete verbs, options, names, aliases and projects.

    Without an argument it is for the shell that SHELL names. To have it in every session, put one line into what
    your shell reads when it starts:

    \b
      ~/.bashrc                   eval "$(artstore completion bash)"
      ~/.zshrc (after compinit)   eval "$(artstore completion zsh)"
      ~/.config/fish/config.fish  artstore completion fish | source
    """
    wanted = shell or Path(os.environ.get("SHELL", "")).name
    if wanted not in SHELLS:
        raise click.UsageError("For which shell? Say bash, zsh or fish, as in: artstore completion bash")
    click.echo(_completion.script(wanted, verbs), nl=False)
