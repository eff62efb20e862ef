"""Stable-Baselines3 with the callback of `wandb.integration.sb3`."""

from __future__ import annotations

from pathlib import Path

import pytest
import wandb
from stable_baselines3 import PPO
from wandb.integration.sb3 import WandbCallback

from tests.support.boosting import only_run


def test_training_logs_metrics_parameters_and_the_model(workdir: Path) -> None:
    with wandb.init(project="games", config={"gamma": 0.9}):
        model = PPO("MlpPolicy", "CartPole-v1", n_steps=64, batch_size=32, n_epochs=1, gamma=0.9, seed=1)
        model.learn(192, callback=WandbCallback(model_save_path="models", model_save_freq=100))

    run = only_run("games")
    assert (run.config["algo"], run.config["gamma"], run.config["n_steps"]) == ("PPO", 0.9, 64)
    rewards = list(run.scan_history(keys=["global_step", "rollout/ep_rew_mean"]))
    assert [row["global_step"] for row in rewards] == [64, 128, 192]
    assert all(0 < row["rollout/ep_rew_mean"] < 200 for row in rewards)
    losses = list(run.scan_history(keys=["global_step", "train/loss"]))
    assert losses[-1]["global_step"] == 192

    versions = list(run.logged_artifacts())
    assert [version.name for version in versions] == [f"model_{run.id}:v0", f"model_{run.id}:v1"]
    assert [version.metadata["num_timesteps"] for version in versions] == [100, 192]
    loaded = PPO.load(versions[-1].file())
    weights = zip(loaded.policy.parameters(), model.policy.parameters(), strict=True)
    assert all((one == other).all() for one, other in weights)
    assert "model.zip" in [file.name for file in run.files()]


def test_a_frequency_needs_a_folder(workdir: Path) -> None:
    with wandb.init(project="games"), pytest.raises(ValueError, match="model_save_freq needs model_save_path"):
        WandbCallback(model_save_freq=10)
