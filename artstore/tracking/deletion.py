"""Notes on deletions: which links go with a version, and what is left to `gc`."""

from __future__ import annotations

from artstore.runtime import terminal
from artstore.store import DeleteResult


def name_links(planned: DeleteResult) -> None:
    """Name the links that a planned deletion removes together with the versions that they show."""
    deleted = {version.id for version in planned.versions}
    for shown in planned.links:
        if shown.link is not None and shown.id in deleted:
            link = shown.link
            aliases = f" ({', '.join(link.aliases)})" if link.aliases else ""
            terminal.note(
                f"artstore: {shown.name} is linked as {link.project}/{link.collection}:v{link.number}{aliases}: "
                "that link is deleted with it"
            )


def name_rest(result: DeleteResult) -> None:
    """Say so if a deletion could not give all its space back to the disk."""
    if result.left_to_gc is not None:
        terminal.note(
            f"artstore: deleted, but not all space was freed: {result.left_to_gc}; then `artstore gc` frees it"
        )
