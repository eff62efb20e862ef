"""Write a run, or a comparison of runs, as one HTML file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any

from artstore.core.runs import RunRecord
from artstore.core.versions import Version
from artstore.runtime import notebook, words
from artstore.runtime.terminal import visible
from artstore.store import Store
from artstore.web import drawing, facts

_POINTS = 240
_CARDS = 60
_FILES = 500
_PICTURES = 12
_PICTURE = 1_000_000
"""The most bytes of a picture that is copied into a report."""
_HOPS = 4
_DRAWN = 120
_LONGEST = 2000
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = ".drawing{overflow:auto;background:#fff;border:1px solid var(--rule);border-radius:8px}"


def page(store: Store, records: Sequence[RunRecord]) -> str:
    """Return the file: everything about one run, or what differs between several, with their curves."""
    rows = facts.runs(store, records)
    if len(records) == 1:
        title = f"Run {records[0].name} of {records[0].project}"
        parts = _one(store, records[0], rows[0])
    else:
        title = f"Comparison of {len(records)} runs"
        parts = _several(store, records, rows)
    style = Path(__file__).with_name("static").joinpath("style.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{_text(title)}</title>\n<style>{style}{_STYLE}</style>\n</head>\n<body>\n<main>",
            *parts,
            f'</main>\n<footer><span class="path">{_text(str(store.path))}</span>',
            f"<span>written {words.local_time(datetime.now(UTC))} by artstore</span></footer>\n</body>\n</html>\n",
        ]
    )


def _one(store: Store, record: RunRecord, row: Mapping[str, Any]) -> Iterator[str]:
    yield f'<div class="title"><h1>{_named(row)}</h1>{_state(row)}</div>'
    if record.notes:
        yield f'<p class="wrap">{_text(record.notes)}</p>'
    yield _facts({**_about(row), "tags": ", ".join(record.tags)})
    yield from _curves(store, [record], [row])
    yield f'<div class="halves">{_section("Config", _facts(facts.flat(record.config)))}'
    yield f"{_section('Summary', _facts(facts.summary(record.summary)))}</div>"
    yield from _versions(store, record)
    lineage = store.run_lineage(record.id, depth=_HOPS).clustered()
    if 1 < len(lineage.nodes) <= _DRAWN:
        yield _section("Lineage", f'<div class="drawing" tabindex="0">{lineage.to_svg()}</div>')
    yield from _files(store, record)
    environment = dict(record.environment)
    code = environment.pop("git", None) or {}
    command = " ".join(map(str, environment.pop("command", [])))
    shown = {**{f"git {key}": value for key, value in code.items()}, "command": command, **environment}
    yield _section("Code and machine", _facts(shown))


def _several(store: Store, records: Sequence[RunRecord], rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"<h1>Comparison of {len(records)} runs</h1>"
    values = [facts.flat({"config": record.config, "summary": facts.summary(record.summary)}) for record in records]
    keys = list(dict.fromkeys(key for one in values for key in one))
    about = [
        _about(row) | {"commit": _commit(record), "used": _used(store, record)}
        for row, record in zip(rows, records, strict=True)
    ]
    heads = [_named(row) for row in rows]
    lines = [
        *((key, [one.get(key) for one in values]) for key in keys),
        *((key, [one[key] for one in about]) for key in about[0]),
    ]
    different = [(key, cells) for key, cells in lines if len(set(map(_cell, cells))) > 1]
    same = {key: cells[0] for key, cells in lines if len(set(map(_cell, cells))) == 1}
    yield _section(
        "What differs", _table(["", *heads], [[_text(key), *_marked(key, cells)] for key, cells in different])
    )
    yield from _curves(store, records, rows)
    for head, record in zip(heads, records, strict=True):
        yield f"<h2>{head}</h2>"
        yield from _versions(store, record)
    yield f"<details><summary>What is the same</summary>{_facts(same)}</details>"


def _marked(key: str, values: Sequence[Any]) -> list[str]:
    """Return cells in which the best value of a metric is marked."""
    best = facts.best(values, key) if key.startswith("summary.") else None
    return [f"<b>{_cell(value)} ★</b>" if best is not None and value == best else _cell(value) for value in values]


def _about(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "project": row["project"],
        "state": row["state"],
        "job type": row["job_type"],
        "group": row["group"],
        "started": words.local_time(datetime.fromisoformat(row["started_at"])),
        "duration": None if row["seconds"] is None else words.duration(row["seconds"]),
    }


def _used(store: Store, record: RunRecord) -> str:
    return ", ".join(version.qualified_name for version in store.runs.used(record)[: facts.LISTED])


def _commit(record: RunRecord) -> str | None:
    commit = (record.environment.get("git") or {}).get("commit")
    return None if commit is None else str(commit)


def _curves(store: Store, records: Sequence[RunRecord], rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    found: dict[str, list[dict[str, Any]]] = {}
    for record, row in zip(records, rows, strict=True):
        for key, points in store.runs.curves(record, points=_POINTS).items():
            found.setdefault(key, []).append({**row, "points": [list(point) for point in points]})
    cards = []
    for key, series in islice(facts.cards_in_order(found), _CARDS):
        legend = "" if len(records) == 1 else _table(["run", "lowest", "highest"], map(_extremes, series))
        drawn = drawing.curves(key, series)
        cards.append(f'<figure class="card"><figcaption>{_text(key)}</figcaption>{drawn}{legend}</figure>')
    if cards:
        yield _section("Curves", f'<div class="cards">{"".join(cards)}</div>')
    if len(found) > _CARDS:
        more = words.counted(len(found) - _CARDS, "more metric is", "more metrics are")
        yield f'<p class="faint">{more} not shown.</p>'


def _extremes(one: Mapping[str, Any]) -> list[str]:
    low, high = min(point[2] for point in one["points"]), max(point[3] for point in one["points"])
    return [_named(one), _cell(low), _cell(high)]


def _versions(store: Store, record: RunRecord) -> Iterator[str]:
    sides = (("Inputs", store.runs.used(record)), ("Outputs", store.runs.produced(record)))
    lists = [
        _section(
            title, f'<ul class="list">{"".join(map(_version, found))}</ul>' if found else '<p class="faint">None</p>'
        )
        for title, found in sides
    ]
    yield f'<div class="halves">{"".join(lists)}</div>'


def _version(version: Version) -> str:
    chips = "".join(f' <span class="chip">{_text(alias)}</span>' for alias in version.aliases)
    about = f"{version.type}, {words.counted(version.entries, 'entry', 'entries')}, {words.size(version.size)}"
    deleted = ", deleted" if version.state == "deleted" else ""
    return (
        f'<li><span class="name">{_text(version.qualified_name)}</span>{chips} '
        f'<span class="faint">{_text(about)}{deleted}</span><br>'
        f'<span class="digest">{_text(version.digest)}</span></li>'
    )


def _files(store: Store, record: RunRecord) -> Iterator[str]:
    found = store.runs.files.find(record)
    rows = [[f'<span class="name">{_text(file.path)}</span>', words.size(file.size)] for file in found[:_FILES]]
    small = (file for file in found if file.size <= _PICTURE and file.path.lower().endswith(notebook.PICTURES))
    pictures = [
        notebook.media(b"".join(store.runs.files.read(record, file.path)), Path(file.path).suffix, visible(file.path))
        for file in islice(small, _PICTURES)
    ]
    more = f'<p class="faint">and {len(found) - _FILES:,} more</p>' if len(found) > _FILES else ""
    if found:
        yield _section("Files", "".join(filter(None, pictures)) + _table(["file", "size"], rows) + more)


def _section(title: str, content: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{content}</section>"


def _facts(values: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><th scope="row" class="name">{_text(key)}</th><td>{_cell(value)}</td></tr>'
        for key, value in values.items()
        if value not in (None, "")
    )
    return f'<div class="scroll"><table class="facts"><tbody>{rows}</tbody></table></div>' if rows else "<p>None</p>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="rows fit"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cell(value: Any) -> str:
    if value is None:
        return '<span class="faint">–</span>'
    if isinstance(value, float):
        return _text(f"{value:.6g}")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return _text(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def _swatch(row: Mapping[str, Any]) -> str:
    style = f"curve s{row['series'] % 9} d{row['series'] // 9 % 3}"
    drawn = f'<path class="{style}" d="M1 4h20"/>'
    return f'<svg class="swatch" viewBox="0 0 22 8" width="22" height="8" aria-hidden="true">{drawn}</svg>'


def _named(row: Mapping[str, Any]) -> str:
    return f'{_swatch(row)} <span class="name">{_text(row["name"])}</span>'


def _state(row: Mapping[str, Any]) -> str:
    return f'<span class="state {row["state"]}">{row["state"]}</span>'


def _text(text: str) -> str:
    return escape(visible(text))
