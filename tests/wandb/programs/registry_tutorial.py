"""Create registries, link versions of several projects to them in mixed case, search and download them."""

import wandb
from wandb.apis.public import Api

api = Api()
for project, kind in (("images", "dataset"), ("nets", "model")):
    with wandb.init(project=project, job_type="produce") as run:
        for i in range(2):
            artifact = wandb.Artifact(f"{kind}-a", type=kind, metadata={"size": i})
            with artifact.new_file("content.txt") as file:
                file.write(f"{kind} {i}")
            run.log_artifact(artifact, aliases=["even" if i % 2 == 0 else "odd"], tags=["made-here"])

zoo = api.create_registry(
    name="Zoo", visibility="restricted", organization="lab", description="For the zoo", artifact_types=["dataset"]
)
zoo.artifact_types.append("model")
zoo.save()

with wandb.init(project="curation") as run:
    data = run.use_artifact("images/dataset-a:odd")
    run.link_artifact(artifact=data, target_path="wandb-registry-zoo/Night Pictures", aliases=["Gold"])
    net = run.use_artifact("nets/model-a:latest")
    net.link(target_path="lab/wandb-registry-ZOO/Night Model")
try:
    stranger = wandb.Artifact("logs", type="log")
    with wandb.init(project="curation") as run:
        run.link_artifact(run.log_artifact(stranger), "wandb-registry-zoo/Logs")
except ValueError as error:
    print("refused:", "type 'log'" in str(error))

registry = api.registry("zOO")
print(registry.name, registry.description, sorted(registry.artifact_types))
print([collection.name for collection in registry.collections(order="name")])
print([version.name for version in registry.versions(filter={"tag": "made-here"}, order="-linked_at")])
print([r.name for r in api.registries(filter={"name": {"$regex": "^Z"}}, per_page=1)])
with wandb.init(project="training") as run:
    gold = run.use_artifact("wandb-registry-Zoo/Night Pictures:Gold")
    print(open(f"{gold.download()}/content.txt").read(), gold.qualified_name)
for link in registry.versions():
    if link.collection.name == "Night Model":
        link.unlink()
print([version.name for version in registry.versions()])
registry.name = "Animals"
registry.save()
print(api.registry("animals").full_name, api.artifact("wandb-registry-animals/Night Pictures:v0").source_name)
