"""The tools that a user could use instead of artstore, one class each."""

from __future__ import annotations

from benchmarks.peers.artstore_command import Artstore
from benchmarks.peers.backups import Borg, Restic
from benchmarks.peers.chunk_stores import HfXet, Icechunk
from benchmarks.peers.cp import Cp
from benchmarks.peers.peer import Peer
from benchmarks.peers.trackers import Mlflow, Trackio, Wandb
from benchmarks.peers.working_trees import Dvc, Git

PEERS: dict[str, type[Peer]] = {
    "cp": Cp,
    "artstore": Artstore,
    "wandb": Wandb,
    "trackio": Trackio,
    "dvc": Dvc,
    "git": Git,
    "borg": Borg,
    "restic": Restic,
    "mlflow": Mlflow,
    "hf_xet": HfXet,
    "icechunk": Icechunk,
}
