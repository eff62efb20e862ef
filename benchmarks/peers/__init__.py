"""What a user would take in artstore's place, one class each."""

from __future__ import annotations

from benchmarks.peers.backups import Borg, Restic
from benchmarks.peers.ours import Artstore
from benchmarks.peers.peer import Peer
from benchmarks.peers.plain import Cp
from benchmarks.peers.trackers import Mlflow, Trackio, Wandb
from benchmarks.peers.trees import Dvc, Git

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
}
