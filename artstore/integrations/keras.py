"""Callbacks of Keras, with any of its backends: log metrics, checkpoints as versions of a model, and predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from artstore.data_types.table import Table
from artstore.integrations.open_run import library, open_run
from artstore.tracking.artifact import Artifact

_callbacks: Any = library("keras.callbacks")
_Callback, _ModelCheckpoint = _callbacks.Callback, _callbacks.ModelCheckpoint


class WandbMetricsLogger(_Callback):  # type: ignore[misc, valid-type]
    """Logs metrics and the learning rate to the open run.

    >>> model.fit(x, y, callbacks=[WandbMetricsLogger()])

    By default at the end of each epoch, as `epoch/loss` and so on; with `log_freq="batch"`, or a number of batches,
    as `batch/loss`. Raises `UsageError` if no run is open.
    """

    def __init__(
        self, log_freq: Literal["epoch", "batch"] | int = "epoch", initial_global_step: int = 0, *args: Any, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self._run = open_run("WandbMetricsLogger()")
        self.log_freq = 1 if log_freq == "batch" else log_freq
        self.global_step = initial_global_step
        self._seen = 0
        """Batches since the training began."""
        name = "epoch/epoch" if log_freq == "epoch" else "batch/batch_step"
        self._run.define_metric(name)
        self._run.define_metric(f"{name.partition('/')[0]}/*", step_metric=name)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the metrics of an epoch, which end a series of batches as well."""
        self._run.log(self._row("epoch", logs) | {"epoch/epoch": epoch})

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the metrics of a batch, if it is the turn of this one."""
        self.global_step += 1
        if isinstance(self.log_freq, int) and batch % self.log_freq == 0:
            self._run.log(self._row("batch", logs) | {"batch/batch_step": self._seen})
        self._seen += 1

    def _row(self, prefix: str, logs: Mapping[str, Any] | None) -> dict[str, Any]:
        row = {f"{prefix}/{name}": float(value) for name, value in (logs or {}).items()}
        # Keras computes the rate of a schedule for the current iteration.
        return row | {f"{prefix}/learning_rate": float(self.model.optimizer.learning_rate)}


class WandbModelCheckpoint(_ModelCheckpoint):  # type: ignore[misc, valid-type]
    """Saves checkpoints as `keras.callbacks.ModelCheckpoint` does, and logs each as the next version of a model.

    >>> model.fit(x, y, callbacks=[WandbModelCheckpoint("checkpoints/{epoch}.keras", monitor="val_loss")])

    The model is the artifact `run_RUN_model`, with the aliases `epoch_0` and so on, and the metrics as metadata. With
    `save_best_only`, only checkpoints that were saved are logged, each with the alias `best`. Raises `UsageError` if
    no run is open.
    """

    def __init__(self, filepath: Any, *args: Any, **more: Any) -> None:
        super().__init__(filepath, *args, **more)
        self._run = open_run("WandbModelCheckpoint()")

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save a checkpoint if it is the turn of this batch, and log it."""
        names = {"batch": batch + 1, **(logs or {})}
        before = self._times(self._current_epoch, names)
        super().on_train_batch_end(batch, logs)
        self._log_saved(before, self._current_epoch, names, f"epoch_{self._current_epoch}_batch_{batch}", logs)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save a checkpoint if that is done after epochs, and log it."""
        names = dict(logs or {})
        before = self._times(epoch, names) if self.save_freq == "epoch" else None
        super().on_epoch_end(epoch, logs)
        if before is not None:
            self._log_saved(before, epoch, names, f"epoch_{epoch}", logs)

    def _path(self, epoch: int, names: Mapping[str, Any]) -> Path:
        return Path(self.filepath.format(epoch=epoch + 1, **names))

    def _times(self, epoch: int, names: Mapping[str, Any]) -> tuple[int, int]:
        """Return what changes when a checkpoint is saved: the inode and the time of its file; zeros without one."""
        path = self._path(epoch, names)
        if not path.exists():
            return 0, 0
        found = path.stat()
        return found.st_ino, found.st_mtime_ns

    def _log_saved(
        self,
        before: tuple[int, int],
        epoch: int,
        names: Mapping[str, Any],
        alias: str,
        logs: Mapping[str, Any] | None,
    ) -> None:
        if self._times(epoch, names) == before:
            return
        metadata = {"epoch": epoch, **{name: float(value) for name, value in (logs or {}).items()}}
        artifact = Artifact(f"run_{self._run.id}_model", "model", metadata=metadata)
        path = self._path(epoch, names)
        if path.is_dir():
            artifact.add_dir(path)
        else:
            artifact.add_file(path)
        self._run.log_artifact(artifact, aliases=["latest", alias, *(["best"] if self.save_best_only else [])])


class WandbEvalCallback(_Callback, ABC):  # type: ignore[misc, valid-type]
    """Logs a table of samples once, and a table of the model's predictions for them after each epoch.

    A subclass adds rows: `add_ground_truth` to `self.data_table`, and `add_model_predictions` to `self.pred_table`,
    which may refer to samples through `self.data_table_ref`. Raises `UsageError` if no run is open.
    """

    def __init__(self, data_table_columns: list[str], pred_table_columns: list[str], *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._run = open_run("WandbEvalCallback()")
        self.data_table_columns = data_table_columns
        self.pred_table_columns = pred_table_columns

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Log the table of samples, which the run uses."""
        self.init_data_table(self.data_table_columns)
        self.add_ground_truth(logs)
        self.log_data_table()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log a table of predictions."""
        self.init_pred_table(self.pred_table_columns)
        self.add_model_predictions(epoch, logs)
        self.log_pred_table()

    @abstractmethod
    def add_ground_truth(self, logs: Mapping[str, Any] | None = None) -> None:
        """Add samples and their labels to `self.data_table`."""

    @abstractmethod
    def add_model_predictions(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Add predictions to `self.pred_table`."""

    def init_data_table(self, column_names: list[str]) -> None:
        """Begin the table of samples."""
        self.data_table = Table(columns=column_names, allow_mixed_types=True)

    def init_pred_table(self, column_names: list[str]) -> None:
        """Begin a table of predictions."""
        self.pred_table = Table(columns=column_names)

    def log_data_table(self, name: str = "val", type: str = "dataset", table_name: str = "val_data") -> None:
        """Log the table of samples as an artifact that the run uses; `self.data_table_ref` is that table."""
        artifact = Artifact(name, type)
        artifact.add(self.data_table, table_name)
        used = self._run.use_artifact(artifact)
        self.data_table_ref = used.wait().get(table_name)

    def log_pred_table(
        self, type: str = "evaluation", table_name: str = "eval_data", aliases: list[str] | None = None
    ) -> None:
        """Log a table of predictions as the next version of the artifact `run_RUN_pred`."""
        artifact = Artifact(f"run_{self._run.id}_pred", type)
        artifact.add(self.pred_table, table_name)
        self._run.log_artifact(artifact, aliases=aliases or ["latest"])
