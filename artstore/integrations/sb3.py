"""A callback of Stable-Baselines3: logs its metrics, the parameters of the algorithm, and the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from artstore.errors import InvalidInput
from artstore.integrations.open_run import library, log_model, open_run
from artstore.tracking.run import Run

_BaseCallback: Any = library("stable_baselines3.common.callbacks").BaseCallback
_KVWriter: Any = library("stable_baselines3.common.logger").KVWriter


class _RunWriter(_KVWriter):
    """Writes what Stable-Baselines3 logs to a run: numbers, each with the number of time steps."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        numbers = {
            key: value.item() if hasattr(value, "item") else value
            for key, value in key_values.items()
            if isinstance(value, int | float) or getattr(value, "shape", None) == ()
        }
        self._run.log({**numbers, "global_step": step})

    def close(self) -> None:
        """Leave the run open."""


class WandbCallback(_BaseCallback):
    """Logs to the open run what an algorithm logs, its parameters, and the model.

    >>> model.learn(total_timesteps=10_000, callback=WandbCallback(model_save_path="models"))

    The model is saved as `model.zip` in `model_save_path`, every `model_save_freq` steps and at the end, and logged as
    the next version of the artifact `model_RUN`. Metrics are logged without TensorBoard. `gradient_save_freq` and
    `log` have no effect. Raises `UsageError` if no run is open, or `ValueError` for a frequency without a path.
    """

    def __init__(
        self,
        verbose: int = 0,
        model_save_path: str | None = None,
        model_save_freq: int = 0,
        gradient_save_freq: int = 0,
        log: Literal["gradients", "parameters", "all"] | None = "all",
    ) -> None:
        super().__init__(verbose)
        self._run = open_run("WandbCallback()")
        if model_save_path is None and model_save_freq:
            raise InvalidInput("model_save_freq needs model_save_path, the folder that the model is saved in")
        self.model_save_path = model_save_path
        self.model_save_freq = model_save_freq

    def _init_callback(self) -> None:
        public = {name: value for name, value in vars(self.model).items() if not name.startswith("_")}
        plain = {name: value if isinstance(value, int | float | str) else str(value) for name, value in public.items()}
        self._run.config.setdefaults({"algo": type(self.model).__name__, **plain})

    def _on_training_start(self) -> None:
        self._writer = _RunWriter(self._run)
        self.logger.output_formats.append(self._writer)

    def _on_step(self) -> bool:
        if self.model_save_freq and self.n_calls % self.model_save_freq == 0:
            self.save_model()
        return True

    def _on_training_end(self) -> None:
        # The last metrics are logged after the last dump of the algorithm.
        self.logger.dump(self.num_timesteps)
        self.logger.output_formats.remove(self._writer)
        if self.model_save_path is not None:
            self.save_model()

    def save_model(self) -> None:
        """Save the model, and log it with the number of time steps as metadata."""
        assert self.model_save_path is not None
        folder = Path(self.model_save_path)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "model.zip"
        self.model.save(path)
        self._run.save(path, base_path=folder)
        log_model(self._run, path, f"model_{self._run.id}", num_timesteps=self.num_timesteps)
