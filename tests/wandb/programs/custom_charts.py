"""Log charts of every kind, histograms and figures, and read what they are made of."""

import numpy as np
import wandb

rng = np.random.default_rng(5)
truth = rng.integers(0, 3, 60)
scores = rng.dirichlet(np.ones(3), 60)
names = ["ant", "bee", "cat"]

with wandb.init(project="charts") as run:
    points = wandb.Table(data=[[x, x * x] for x in range(10)], columns=["x", "y"])
    bars = wandb.Table(data=[[name, i + 1.5] for i, name in enumerate(names)], columns=["animal", "weight"])
    values = wandb.Table(data=[[float(value)] for value in rng.normal(size=50)], columns=["value"])
    run.log(
        {
            "line": wandb.plot.line(points, "x", "y", title="Squares"),
            "scatter": wandb.plot.scatter(points, x="x", y="y"),
            "bar": wandb.plot.bar(bars, "animal", "weight", title="Weights"),
            "histogram": wandb.plot.histogram(values, value="value"),
            "series": wandb.plot.line_series(xs=[0, 1, 2], ys=[[1, 2, 3], [3, 2, 1]], keys=["up", "down"], title="Two"),
            "roc": wandb.plot.roc_curve(truth, scores, labels=names),
            "pr": wandb.plot.pr_curve(truth, scores, labels=names),
            "matrix": wandb.plot.confusion_matrix(probs=scores, y_true=list(truth), class_names=names),
            "own": wandb.plot_table("lab/own-chart", points, {"x": "x", "y": "y"}, {"title": "Own"}),
        }
    )
    for step in range(3):
        run.log({"weights": wandb.Histogram(rng.normal(size=100)), "step_loss": 1 / (step + 1)})
    run.log({"counted": wandb.Histogram(np_histogram=np.histogram(truth, bins=3))})

found = wandb.Api().run(f"charts/{run.id}")
tables = sorted(artifact.name.split(":")[0].split("-", 2)[2] for artifact in found.logged_artifacts())
print(len(tables), tables[:3])
print(len(found.summary["counted"]["bins"]), sum(found.summary["counted"]["values"]))
matrix = next(a for a in found.logged_artifacts() if "matrix" in a.name)
rows = matrix.get(next(path for path in matrix.manifest.entries if path.endswith(".table.json")))
print(rows.columns, len(rows.data))
