"""Run real libraries with artstore in the place of wandb: no library is patched, and none needs a network."""

from __future__ import annotations

import os

import pytest

import artstore
from artstore.tracking import location
from tests.support.wandb_fixtures import workdir as workdir

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("KERAS_BACKEND", "torch")
artstore.as_wandb()


@pytest.fixture(scope="session", autouse=True)
def no_store_above(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep tests, and the processes that they start, from finding a store above their own folders."""
    os.environ[location.CEILING] = str(tmp_path_factory.getbasetemp())
