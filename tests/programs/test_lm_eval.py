"""lm-evaluation-harness with its logger for wandb; a task of three questions, and a model that answers the first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.loggers import WandbLogger
from lm_eval.tasks import TaskManager

import artstore
from tests.support.boosting import only_run

TASK = """
task: sums
dataset_path: json
dataset_kwargs:
  data_files: {test: QUESTIONS}
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: "{{answer}}"
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
metadata: {version: 1.0}
"""


class First(LM):
    """Finds the first choice of each question the most likely."""

    def loglikelihood(self, requests: Any) -> list[tuple[float, bool]]:
        return [(-float(number % 2), False) for number in range(len(requests))]

    def loglikelihood_rolling(self, requests: Any) -> list[float]:
        raise NotImplementedError

    def generate_until(self, requests: Any) -> list[str]:
        raise NotImplementedError


def test_results_and_samples_are_logged(workdir: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HF_HOME", str(workdir / "hub"))
    questions = [{"question": f"{n} + 1 =", "choices": [f"{n + 1}", "0"], "answer": min(n, 1)} for n in range(3)]
    Path("questions.json").write_text("\n".join(map(json.dumps, questions)))
    Path("tasks").mkdir()
    Path("tasks/sums.yaml").write_text(TASK.replace("QUESTIONS", str(workdir / "questions.json")))
    results = simple_evaluate(
        First(),
        tasks=["sums"],
        task_manager=TaskManager(include_path="tasks", include_defaults=False),
        bootstrap_iters=0,
        log_samples=True,
    )
    logger = WandbLogger(init_args={"project": "evaluation", "job_type": "eval"}, config_args={"note": "small"})
    logger.post_init(results)
    logger.log_eval_result()
    logger.log_eval_samples(results["samples"])
    artstore.finish()

    run = only_run("evaluation")
    assert run.job_type == "eval"
    assert run.config["note"] == "small" and run.config["task_configs"]["sums"]["output_type"] == "multiple_choice"
    assert run.summary["sums/acc"] == 1 / 3
    logged = {artifact.name.partition(":")[0]: artifact for artifact in run.logged_artifacts()}
    assert logged["results"].type == "eval_results"
    stored = json.loads(Path(logged["results"].download(), "results.json").read_text())
    assert stored["results"]["sums"]["acc,none"] == 1 / 3
    assert logged["sums"].type == "samples_by_task"
    tables = {artifact.name: artifact for artifact in logged.values() if artifact.type == "run_table"}
    assert len(tables) == 2
    samples = next(a.get("sums_eval_results") for name, a in tables.items() if "sums_eval_results" in name)
    assert samples.get_column("acc") == [1.0, 0.0, 0.0]
