"""The public path of `Api`, which reads a store without a run."""

from __future__ import annotations

from artstore.tracking.api import Api as Api
from artstore.tracking.api import Registry as Registry
