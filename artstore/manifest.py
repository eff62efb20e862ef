"""The public path of entries, for drivers and programs written before 1.0."""

from __future__ import annotations

from artstore.core.manifest import Entry as Entry
from artstore.core.manifest import Kind as Kind
