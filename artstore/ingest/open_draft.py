"""An open draft: the draft, the writer of its content, and the files that were read for it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from artstore.core.draft import Draft
from artstore.ingest.content_writer import ContentWriter
from artstore.runtime.stat_columns import StatColumns

SeenFiles: TypeAlias = dict[str, list[tuple[StatColumns, bytes]]]
"""Files on disk that were read, and their raw digests, by folder. The stat cache remembers them after the commit."""


class OpenDraft(NamedTuple):
    """A draft that content can be added to."""

    draft: Draft
    writer: ContentWriter
    seen: SeenFiles
