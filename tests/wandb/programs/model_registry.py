"""Train models, link them to a registered model whose name has spaces, and promote the best one."""

import os

import wandb

PROJECT = "registry"
REGISTERED = "Fox Finder for Cameras"

os.makedirs("models", exist_ok=True)
for attempt, accuracy in enumerate([0.71, 0.83, 0.79]):
    with wandb.init(project=PROJECT, job_type="train", config={"attempt": attempt}) as run:
        path = f"models/fox-{attempt}.txt"
        with open(path, "w") as file:
            file.write(f"weights {attempt}")
        if attempt == 0:
            run.link_model(path=path, registered_model_name=REGISTERED, name="fox", aliases=["staging"])
        else:
            model = wandb.Artifact("fox", type="model", metadata={"accuracy": accuracy})
            model.add_file(path)
            run.log_artifact(model, aliases=[f"attempt {attempt}"])
            run.link_artifact(model, target_path=f"model-registry/{REGISTERED}")
        run.log({"accuracy": accuracy})

api = wandb.Api()
registered = api.artifacts(type_name="model", name=f"model-registry/{REGISTERED}")
candidates = [version for version in registered if version.metadata.get("accuracy")]
best = max(candidates, key=lambda version: version.metadata["accuracy"])
best.aliases.append("production")
best.save()
print(best.name, best.source_name, best.is_link)

with wandb.init(project="serving", job_type="serve") as run:
    file = run.use_model(f"model-registry/{REGISTERED}:production")
    print(os.path.basename(file), open(file).read())
    staged = run.use_artifact(f"model-registry/{REGISTERED}:staging", type="model")
    print(staged.source_version, staged.logged_by().config["attempt"])

collection = api.artifact_collection("model", f"model-registry/{REGISTERED}")
collection.description = "Finds foxes"
collection.tags = ["vision"]
collection.save()
print(sorted(collection.aliases), [version.version for version in collection.artifacts()])
