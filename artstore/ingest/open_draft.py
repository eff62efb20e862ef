"""An open draft: the draft, the writer of its content, and the files that were read for it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from artstore.core.draft import Draft
from artstore.ingest.content_writer import ContentWriter
from artstore.runtime.stat_columns import StatColumns


class SeenFiles(NamedTuple):
    """Files on disk that were read, in one folder, and their raw digests."""

    names: str
    """Separated by NUL: one string takes a sixth of the memory of many."""
    stats: StatColumns
    """Without names."""
    digests: bytes

    @classmethod
    def of(cls, stats: StatColumns, digests: bytes) -> SeenFiles:
        """Keep files with their names and digests."""
        return cls("\0".join(stats.names), stats._replace(names=[]), digests)

    def named_stats(self) -> StatColumns:
        """Return the stats of the files, with their names."""
        return self.stats._replace(names=self.names.split("\0"))


SeenFolders: TypeAlias = dict[str, list[SeenFiles]]
"""What was read, by folder. The stat cache remembers it after the commit."""


class OpenDraft(NamedTuple):
    """A draft that content can be added to."""

    draft: Draft
    writer: ContentWriter
    seen: SeenFolders
