"""Log objects in artifacts and read them back, in one line."""

from __future__ import annotations

from typing import Any

from artstore.tracking.artifact import Artifact


def log_objects(name: str = "things", /, **objects: Any) -> Artifact:
    """Log a version that holds these objects under these names."""
    artifact = Artifact(name, "dataset")
    for key, item in objects.items():
        artifact.add(item, key)
    artifact.save()
    return artifact.wait()


def round_trip(item: Any) -> Any:
    """Log an object and return what an artifact gives back."""
    return log_objects(item=item).get("item")
