"""Objects in artifacts, kept and read back in one line."""

from __future__ import annotations

from typing import Any

from artstore.tracking.artifact import Artifact


def kept(name: str = "things", /, **objects: Any) -> Artifact:
    """A version with these objects in it."""
    artifact = Artifact(name, "dataset")
    for each, item in objects.items():
        artifact.add(item, each)
    artifact.save()
    return artifact.wait()


def back(item: Any) -> Any:
    """An object after it was in an artifact."""
    return kept(item=item).get("item")
