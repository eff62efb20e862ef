"""An open draft: the draft, the writer of its content, and the files that were read for it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from artstore.core.draft import Draft
from artstore.ingest.content_writer import ContentWriter
from artstore.runtime.source_file import Stat

SeenFiles: TypeAlias = dict[str, list[tuple[str, Stat, bytes]]]
"""Files on disk that were read, by folder: (name, stat, digest). The stat cache remembers them after the commit."""


class OpenDraft(NamedTuple):
    """A draft that content can be added to."""

    draft: Draft
    writer: ContentWriter
    seen: SeenFiles
