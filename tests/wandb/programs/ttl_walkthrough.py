"""Give versions a time to live, inherit it, change it and take it away; linked versions stay."""

from datetime import timedelta

import wandb
from wandb.errors import Error

with wandb.init(project="ttl") as run:
    for days in (7, None):
        artifact = wandb.Artifact(name="scratch", type="dataset")
        with artifact.new_file("x.txt") as file:
            file.write(str(days))
        if days is not None:
            artifact.ttl = timedelta(days=days)
        run.log_artifact(artifact)
        artifact.wait()
        print(artifact.name, artifact.ttl)

with wandb.init(project="ttl") as run:
    artifact = run.use_artifact("scratch:v0")
    artifact.ttl = timedelta(days=30)
    artifact.save()
    other = run.use_artifact("scratch:latest")
    other.ttl = wandb.ArtifactTTL.INHERIT
    other.save()

api = wandb.Api()
print([str(version.ttl) for version in api.artifacts("dataset", "ttl/scratch", order="version_index")])
kept = api.artifact("ttl/scratch:v0")
link = kept.link("wandb-registry-kept/scratch")
try:
    link.ttl = timedelta(days=1)
except ValueError as error:
    print("link:", "Cannot set TTL for link artifact" in str(error))
kept.ttl = None
kept.save()
print(api.artifact("ttl/scratch:v0").ttl)
try:
    kept.ttl = timedelta(days=-1)
except (ValueError, Error) as error:
    print("negative:", "positive" in str(error))
