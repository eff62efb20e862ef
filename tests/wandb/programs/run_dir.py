"""Write files into the folder of the run, as many scripts do: save, add and log them from there."""

import json
import os

import wandb

run = wandb.init(project="folders", config={"epochs": 2}, dir=os.getcwd(), settings=wandb.Settings(silent=True))
for epoch in range(run.config.epochs):
    path = os.path.join(wandb.run.dir, f"checkpoint-{epoch}.txt")
    with open(path, "w") as file:
        file.write(f"epoch {epoch}")
    wandb.save(path, base_path=wandb.run.dir)
    wandb.log({"epoch": epoch})
with open(os.path.join(wandb.run.dir, "result.json"), "w") as file:
    json.dump({"accuracy": 0.9}, file)
wandb.save("*.json")
os.makedirs("out/deep", exist_ok=True)
with open("out/deep/log.txt", "w") as file:
    file.write("deep")
wandb.save("out/deep/*.txt", base_path="out", policy="end")

artifact = wandb.Artifact("from-the-folder", type="model")
artifact.add_file(os.path.join(wandb.run.dir, "checkpoint-1.txt"), name="model.txt")
wandb.log_artifact(artifact)
wandb.run.log_model(os.path.join(wandb.run.dir, "checkpoint-1.txt"), name="last")
wandb.finish()

api = wandb.Api()
found = api.run(f"folders/{run.id}")
print(sorted(file.name for file in found.files()))
found.file("result.json").download(root="back", replace=True)
print(json.load(open("back/result.json")))
print(open(api.artifact("folders/from-the-folder:latest").file()).read(), api.artifact("folders/last:v0").type)
