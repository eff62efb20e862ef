"""Log predictions as tables, read them back in another run, and compare two models row by row."""

import numpy as np
import pandas as pd
import wandb

PROJECT = "tables"
rng = np.random.default_rng(7)


def predict(model):
    table = wandb.Table(columns=["id", "text", "truth", "guess", "score"])
    for i in range(20):
        truth = int(i % 2)
        guess = truth if (i + model) % 5 else 1 - truth
        table.add_data(i, f"sentence {i}", truth, guess, float(rng.random()))
    return table


for model in range(2):
    with wandb.init(project=PROJECT, name=f"model {model}", job_type="evaluate", config={"model": model}) as run:
        table = predict(model)
        table.add_column("right", [row[2] == row[3] for row in table.data])
        run.log({"predictions": table, "accuracy": float(np.mean(table.get_column("right")))})
        artifact = wandb.Artifact(f"predictions-{model}", type="predictions")
        artifact.add(table, "predictions")
        artifact["by label"] = wandb.Table(
            dataframe=table.get_dataframe().groupby("truth", as_index=False)["score"].mean()
        )
        run.log_artifact(artifact)

with wandb.init(project=PROJECT, job_type="compare") as run:
    frames = []
    for model in range(2):
        artifact = run.use_artifact(f"predictions-{model}:latest")
        table = artifact.get("predictions")
        assert table.columns == ["id", "text", "truth", "guess", "score", "right"]
        frames.append(pd.DataFrame(data=table.data, columns=table.columns).set_index("id"))
        small = artifact.get("by label.table.json")
        assert [row[0] for _, row in small.iterrows()] == [0, 1]
    differ = frames[0].index[frames[0]["guess"] != frames[1]["guess"]]
    run.summary["differ"] = len(differ)
    run.log({"differences": wandb.Table(dataframe=frames[0].loc[differ].reset_index())})
    logged = run.use_artifact(f"run-{wandb.Api().runs(PROJECT)[0].id}-predictions:latest", type="run_table")
    print(len(logged.get("predictions").data))

best = max(wandb.Api().runs(PROJECT, filters={"jobType": "evaluate"}), key=lambda run: run.summary["accuracy"])
print(best.name, [run.summary.get("differ") for run in wandb.Api().runs(PROJECT)][-1])
