"""What a shell offers while a command is typed: projects, names, aliases, tags, types and runs that are in the store.

Whoever is in the middle of typing can do nothing about an error: where there is no answer, nothing is offered. The
store's module is imported when a question is asked of it, so that completing a verb stays fast.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from artstore.cli import COMPLETING, _format, _open
from artstore.core import names
from artstore.errors import ArtstoreError
from artstore.runtime.terminal import visible
from artstore.tracking import location

if TYPE_CHECKING:
    from artstore.core.versions import Version
    from artstore.store import Store

Offer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]


@add_completion_class
class Bash(ShellComplete):
    """Completion for bash, where a name with an alias is one word, although bash itself breaks words at colons."""

    name: ClassVar[str] = "bash"
    source_template: ClassVar[str] = """\
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" word before="" type value
    word="${line##*[[:space:]=]}"
    # bash replaces what follows the last colon only
    [[ $COMP_WORDBREAKS == *:* && $word == *:* ]] && before="${word%%"${word##*:}"}"
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                printf -v value %%q "${value#"$before"}"
                COMPREPLY+=("$value")
                ;;
        esac
    done < <(COMP_LINE="$line" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        if not line or line[-1].isspace():
            words.append("")
        return words[1:-1], words[-1]

    def format_completion(self, item: CompletionItem[str]) -> str:
        return f"{item.type},{item.value}"


def script(shell: str, command: click.Command) -> str:
    """What a shell has to read once to complete a command."""
    found = get_completion_class(shell)
    assert found is not None
    return found(command, {}, "artstore", COMPLETING).source()


def _offer(ask: Callable[[Store, dict[str, Any], str], Iterable[str]]) -> Offer:
    """A callback that offers what the store answers to a question about what was typed so far."""

    def callback(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:

        try:
            with _open.opened(location.existing(ctx.params.get("store"))) as store:
                found = dict.fromkeys(ask(store, ctx.params, incomplete))
        except (ArtstoreError, OSError):
            return []
        return [CompletionItem(each) for each in found if each.startswith(incomplete) and visible(each) == each]

    return callback


def _projects(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    return (each.project for each in store.collections())


def _types(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    return (each.type for each in store.collections())


def _collections(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    here = _project(typed)
    for each in store.collections():
        if each.project == here and "/" not in incomplete:
            yield each.name
        else:
            yield f"{each.project}/{each.name}"


def _project(typed: dict[str, Any]) -> str:
    return typed.get("project") or names.DEFAULT_PROJECT


def _versions(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    """Names of collections; as soon as one is meant, also its versions."""
    wanted, colon, _ = incomplete.partition(":")
    matching = [wanted] if colon else [name for name in _collections(store, typed, wanted) if name.startswith(wanted)]
    if not colon:
        yield from matching
    if len(matching) == 1:
        found = _all(store, typed, matching[0])
        yield from (f"{matching[0]}:{alias}" for version in found for alias in _format.aliases(version))
        yield from (f"{matching[0]}:v{(version.link or version).number}" for version in found)


def _all(store: Store, typed: dict[str, Any], wanted: str) -> list[Version]:
    parsed = names.parse(wanted)
    return list(store.versions(parsed.name, project=parsed.project or _project(typed)))


def _meant(store: Store, typed: dict[str, Any]) -> list[Version]:
    """The versions whose aliases or tags can be meant: to be taken away, only those that the one named has."""
    if typed.get("remove"):
        return [store.version(typed["wanted"], project=_project(typed))]
    return _all(store, typed, typed["wanted"])


def _runs(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    from artstore.tracking import public_run

    return (run.id for run in public_run.listing(store, typed.get("project")))


def _aliases(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    found = (alias for version in _meant(store, typed) for alias in _format.aliases(version))
    return (alias for alias in found if alias != names.LATEST)


def _tags(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    return (tag for version in _meant(store, typed) for tag in version.tags)


projects = _offer(_projects)
types = _offer(_types)
collections = _offer(_collections)
versions = _offer(_versions)
runs = _offer(_runs)
aliases = _offer(_aliases)
tags = _offer(_tags)
