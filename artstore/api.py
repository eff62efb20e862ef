"""The public path of `Api`, which reads a store without a run, and what W&B's object `wandb.api` tells of the user."""

from __future__ import annotations

from artstore.core.names import LOCAL
from artstore.tracking.api import Api as Api
from artstore.tracking.registry import Registry as Registry

api_key = LOCAL
"""Not None, so that programs see that no login is missing."""
default_entity = LOCAL
