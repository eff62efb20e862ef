"""Log a folder, files and a reference; change the dataset; compare what a later run downloads."""

import os
import pathlib
import random

import wandb
from wandb.errors import CommError

PROJECT = "artifact-basics"

os.makedirs("raw/cats", exist_ok=True)
for i in range(5):
    pathlib.Path(f"raw/cats/{i}.txt").write_text(f"cat {i} {random.random()}")
pathlib.Path("labels.csv").write_text("file,label\n0.txt,tabby\n")

with wandb.init(project=PROJECT, job_type="upload", config={"split": 0.8}) as run:
    raw = wandb.Artifact(
        name="pets", type="dataset", description="Pictures of pets", metadata={"count": 5, "source": "made up"}
    )
    raw.add_dir("raw", name="images")
    raw.add_file("labels.csv")
    raw.add_reference(pathlib.Path("labels.csv").absolute().as_uri(), name="outside.csv")
    with raw.new_file("notes.md", mode="w", encoding="utf-8") as notes:
        notes.write("# Notes\n")
    run.log_artifact(raw, aliases=["raw", "", "2026-05"])
    raw.wait()
    print(raw.version, raw.state, raw.size > 0, sorted(raw.aliases))

with wandb.init(project=PROJECT, job_type="clean") as run:
    dataset = run.use_artifact(f"{run.entity}/{PROJECT}/pets:latest", type="dataset")
    folder = dataset.download(root="work")
    assert sorted(os.listdir(os.path.join(folder, "images", "cats"))) == [f"{i}.txt" for i in range(5)]
    only = dataset.get_path("labels.csv").download(root="one")
    assert pathlib.Path(only).read_text().startswith("file,label")
    draft = dataset.new_draft()
    draft.remove("images/cats/0.txt")
    with draft.new_file("images/cats/5.txt") as file:
        file.write("cat 5")
    draft.metadata["count"] = 5
    run.log_artifact(draft, aliases="clean")

api = wandb.Api()
versions = api.artifacts(type_name="dataset", name=f"{PROJECT}/pets")
print([version.name for version in versions], len(versions))
clean = api.artifact(f"{PROJECT}/pets:clean")
clean.description = "Without the first cat"
clean.aliases.append("reviewed")
clean.tags = ["small", "cats"]
clean.save()
print(sorted(clean.manifest.entries))
old, new = (set(api.artifact(f"{PROJECT}/pets:{name}").manifest.entries) for name in ("raw", "clean"))
print(sorted(old - new), sorted(new - old))
assert clean.logged_by().job_type == "clean"
assert [user.job_type for user in api.artifact(f"{PROJECT}/pets:v0").used_by()] == ["clean"]
try:
    api.artifact(f"{PROJECT}/nothing:latest")
except CommError as error:
    print("not found:", "nothing" in str(error))
versions[1].delete(delete_aliases=True)
print([version.name for version in api.artifacts("dataset", f"{PROJECT}/pets")])
