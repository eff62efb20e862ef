"""Shell completion of values that are in the store: projects, names, aliases, tags, types and runs.

An error while a user is typing would only be in the way, so nothing is offered then. The store's module is imported
when the store is asked, so that completing a verb stays fast.
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

if TYPE_CHECKING:
    from artstore.core.versions import Version
    from artstore.store import Store

Callback = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]


@add_completion_class
class Bash(ShellComplete):
    """Completion for bash. A name with an alias is one word here, although bash itself splits words at colons."""

    name: ClassVar[str] = "bash"
    source_template: ClassVar[str] = """\
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" word before="" type value
    word="${line##*[[:space:]=]}"
    # bash replaces only the part after the last colon
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
    """Return the script that a shell reads once to complete a command."""
    completion = get_completion_class(shell)
    assert completion is not None
    return completion(command, {}, "artstore", COMPLETING).source()


def _offer(candidates: Callable[[Store, dict[str, Any], str], Iterable[str]]) -> Callback:
    """Return a callback that offers values of the store, given the parameters typed so far and the incomplete word."""

    def callback(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        try:
            with _open.open_store(ctx.params.get("store")) as store:
                values = dict.fromkeys(candidates(store, ctx.params, incomplete))
        except (ArtstoreError, OSError):
            return []
        return [CompletionItem(value) for value in values if value.startswith(incomplete) and visible(value) == value]

    return callback


def _projects(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    return (collection.project for collection in store.collections())


def _types(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    return (collection.type for collection in store.collections())


def _collections(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    project = _project(typed)
    for collection in store.collections():
        if collection.project == project and "/" not in incomplete:
            yield collection.name
        else:
            yield f"{collection.project}/{collection.name}"


def _project(typed: dict[str, Any]) -> str:
    return typed.get("project") or names.default_project()


def _versions(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    """Yield names of collections; once only one collection matches, also its versions."""
    prefix, colon, _ = incomplete.partition(":")
    matching = [prefix] if colon else [name for name in _collections(store, typed, prefix) if name.startswith(prefix)]
    if not colon:
        yield from matching
    if len(matching) == 1:
        versions = _versions_of(store, typed, matching[0])
        yield from (f"{matching[0]}:{alias}" for version in versions for alias in _format.aliases(version))
        yield from (f"{matching[0]}:v{(version.link or version).number}" for version in versions)


def _versions_of(store: Store, typed: dict[str, Any], name: str) -> list[Version]:
    parsed = names.parse(name, _project(typed))
    return list(store.versions(parsed.name, project=parsed.project or _project(typed)))


def _labelled(store: Store, typed: dict[str, Any]) -> list[Version]:
    """Return the versions whose labels are offered: with --remove, only the version that was named."""
    if typed.get("remove"):
        return [store.version(typed["name"], project=_project(typed))]
    return _versions_of(store, typed, typed["name"])


def _runs(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    from artstore.tracking import public_run  # late: only runs need it

    return (run.id for run in public_run.list_runs(store, typed.get("project")))


def _aliases(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    aliases = (alias for version in _labelled(store, typed) for alias in _format.aliases(version))
    return (alias for alias in aliases if alias != names.LATEST)


def _tags(store: Store, typed: dict[str, Any], incomplete: str) -> Iterator[str]:
    return (tag for version in _labelled(store, typed) for tag in version.tags)


projects = _offer(_projects)
types = _offer(_types)
collections = _offer(_collections)
versions = _offer(_versions)
runs = _offer(_runs)
aliases = _offer(_aliases)
tags = _offer(_tags)
