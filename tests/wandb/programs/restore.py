"""Save checkpoints, stop in the middle, and continue in a later run from what was restored."""

import os

import wandb

ID = wandb.util.generate_id()


def train(steps):
    run = wandb.init(project="long", id=ID, resume="allow")
    first = 0
    if run.resumed:
        checkpoint = wandb.restore("checkpoint.txt", run_path=f"long/{ID}", root="restored", replace=True)
        first = int(checkpoint.read())
    print(run.resumed, run.step, first)
    for step in range(first, first + steps):
        run.log({"value": step * 10})
        with open(os.path.join(run.dir, "checkpoint.txt"), "w") as file:
            file.write(str(step + 1))
        run.save(os.path.join(run.dir, "checkpoint.txt"), base_path=run.dir, policy="now")
    run.finish()


train(3)
train(2)
found = wandb.Api().run(f"long/{ID}")
print([row["value"] for row in found.scan_history(keys=["value"])], found.lastHistoryStep)

with wandb.init(project="long", job_type="evaluate") as run:
    restored = wandb.restore("checkpoint.txt", run_path=f"long/{ID}", root="elsewhere")
    print(os.path.relpath(restored.name), restored.read(), wandb.restore("nothing.txt", run_path=f"long/{ID}"))
