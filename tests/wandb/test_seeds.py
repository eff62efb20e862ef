"""The code samples that the project was created from run unchanged but for their import.

Only what is broken or left out in them is repaired: `directory =`, `"<replace>"`, and lost indentation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas
import pytest

from artstore import Api, Artifact
from artstore.data_types import PartitionedTable
from artstore.errors import CommError
from artstore.lineage.graph import RunNode
from artstore.tracking.artifact import Artifact as Built
from tests.support.files import noise, write_files
from tests.support.wandb_fixtures import entry_paths, log_version, run_sample

pytestmark = pytest.mark.usefixtures("workdir")

MB = 1_000_000
LOG_IT = """
    import wandb
    run = wandb.init(job_type="dataset-creation")
    artifact = wandb.Artifact('my-dataset', type='dataset')
    artifact.add_file('my-dataset.txt')
    run.log_artifact(artifact)
"""
LOG_ANIMALS = """
    import wandb

    run = wandb.init()
    artifact = wandb.Artifact('animals', type='dataset')
    artifact.add_dir('images')
    run.log_artifact(artifact)
"""


def finish_run() -> None:
    run_sample("import wandb\nwandb.finish()")


def versions(name: str) -> list[str]:
    return [artifact.version for artifact in Api().artifacts("dataset", name, order="version_index")]


# The quickstart


def test_the_quickstart_logs_a_file_and_downloads_it_in_another_run() -> None:
    Path("my-dataset.txt").write_text("one line\n")
    run_sample(LOG_IT)
    names = run_sample("""
        import wandb
        run = wandb.init(job_type="model-training")
        artifact = run.use_artifact('my-dataset:latest')
        artifact_dir = artifact.download()
    """)
    assert names["artifact"].name == "my-dataset:v0"
    assert Path(names["artifact_dir"], "my-dataset.txt").read_text() == "one line\n"
    finish_run()
    creation, training = Api().runs(order="+created_at")
    assert (creation.job_type, training.job_type) == ("dataset-creation", "model-training")
    assert [run.id for run in Api().artifact("my-dataset").used_by()] == [training.id]


def test_the_same_script_makes_a_version_only_when_the_file_has_changed() -> None:
    Path("my-dataset.txt").write_text("one line\n")
    run_sample(LOG_IT)
    run_sample(LOG_IT)
    finish_run()
    assert versions("my-dataset") == ["v0"]
    with open("my-dataset.txt", "a") as file:
        file.write("another line\n")
    run_sample(LOG_IT)
    finish_run()
    assert versions("my-dataset") == ["v0", "v1"]
    assert Api().artifact("my-dataset:v0").size == len("one line\n")
    assert Api().artifact("my-dataset:latest").version == "v1"


# The core concepts


def test_an_artifact_without_files_is_a_version() -> None:
    run_sample("""
        #!/usr/bin/env python
        import wandb
        run = wandb.init()
        artifact = wandb.Artifact('animals', type='dataset')
        run.log_artifact(artifact) # Creates `animals:v0`
    """)
    names = run_sample("""
        import wandb
        run = wandb.init()
        animals = run.use_artifact('animals:latest')
        directory = animals.download()
    """)
    assert names["animals"].version == "v0"
    assert list(Path(names["directory"]).iterdir()) == []


def two_versions_of_animals() -> tuple[Artifact, Artifact]:
    write_files(Path("images"), {"cat.png": noise(2 * MB, "cat"), "dog.png": noise(MB, "dog")})
    run_sample(LOG_ANIMALS)
    write_files(Path("images"), {"rat.png": noise(3 * MB, "rat")})
    run_sample(LOG_ANIMALS)
    finish_run()
    return Api().artifact("animals:v0"), Api().artifact("animals:v1")


def test_a_version_owns_bytes_that_no_earlier_version_has() -> None:
    v0, v1 = two_versions_of_animals()
    assert (v0.size, v0.owned_bytes, v0.reclaimable_bytes) == (3 * MB, 3 * MB, 0)
    assert (v1.size, v1.owned_bytes, v1.reclaimable_bytes) == (6 * MB, 3 * MB, 3 * MB)
    assert (v0.aliases, v1.aliases) == ([], ["latest"])


def pack_bytes() -> int:
    return sum(path.stat().st_blocks * 512 for path in Path(".artstore/packs").iterdir())


def test_deleting_the_later_version_frees_its_own_bytes_on_disk() -> None:
    v0, v1 = two_versions_of_animals()
    before = pack_bytes()
    v1.delete(delete_aliases=True)
    assert 2.9 * MB < before - pack_bytes() < 3.1 * MB
    assert (v0.owned_bytes, v0.reclaimable_bytes) == (3 * MB, 3 * MB)
    assert Path(Api().artifact("animals:v0").download(), "cat.png").read_bytes() == noise(2 * MB, "cat")


def test_deleting_the_earlier_version_frees_nothing_and_the_later_one_owns_the_bytes() -> None:
    v0, v1 = two_versions_of_animals()
    before = pack_bytes()
    v0.delete()
    assert pack_bytes() == before
    assert (v1.size, v1.owned_bytes, v1.reclaimable_bytes) == (6 * MB, 6 * MB, 6 * MB)
    assert Path(v1.download(), "dog.png").read_bytes() == noise(MB, "dog")


def test_deleting_the_whole_artifact_removes_all_its_contents() -> None:
    two_versions_of_animals()
    Api().artifact_collection("dataset", "animals").delete()
    assert pack_bytes() < 0.1 * MB
    assert list(Api().artifacts("dataset", "animals")) == []


# The sentiment model

INGEST = """
    import wandb
    # Start a new W&B run
    run = wandb.init(project="sentiment-analysis", job_type="data-ingestion")
    # Load our raw dataset
    data = pandas.read_csv("raw_reviews.csv")
    # Perform some preprocessing
    processed_data = data.dropna().sample(frac=0.8) # Remove NaNs, take 80% sample
    # Log the processed data as an artifact
    # This creates a new version of the "processed-dataset" artifact
    processed_data_artifact = wandb.Artifact(
        name="processed-dataset",
        type="dataset",
        description="Cleaned and sampled dataset for sentiment analysis training"
    )
    processed_data_artifact.add(
        wandb.Table(dataframe=processed_data),
        name="processed_data.table.json" # W&B expects a specific extension for tables
    )
    run.log_artifact(processed_data_artifact)
    # Finish the run
    run.finish()
"""
TRAIN = """
    import wandb
    import pandas
    # Start a new W&B run for training
    run = wandb.init(project="sentiment-analysis", job_type="training")
    # Get the latest version of our processed dataset artifact
    # By default, this pulls the latest available version
    try:
        dataset_artifact = run.use_artifact(
            "processed-dataset:latest", # Or specify a version like "processed-dataset:v0"
            type="dataset"
        )
    except wandb.errors.CommError as e:
        print(f"Could not find artifact: {e}")
        exit()
    # Load the data from the artifact
    dataset_table = dataset_artifact.get_table("processed_data.table.json")
    processed_data = dataset_table.dataframe()
    # Log the trained model as another artifact
    model_artifact = wandb.Artifact(
        name="sentiment-model",
        type="model",
        description="A sentiment analysis model trained on processed data"
    )
    # Save the weights to a temporary file before logging
    # For real training, this would be your actual model checkpoint file
    with open("model_weights.pth", "w") as f:
        f.write("dummy_weights_content")
    model_artifact.add_file("model_weights.pth")
    # Log the model artifact, making sure to link it to the dataset artifact it used
    # This establishes lineage!
    model_artifact.add_reference(dataset_artifact) # Crucial for lineage
    run.log_artifact(model_artifact)
    run.finish()
"""


def write_reviews(count: int) -> None:
    reviews = pandas.DataFrame(
        {"text": [f"review {number}" for number in range(count)], "stars": [1.0, 5.0] * (count // 2)}
    )
    reviews.loc[3, "stars"] = None
    reviews.to_csv("raw_reviews.csv", index=False)


def ingest() -> dict[str, Any]:
    return run_sample(INGEST, pandas=pandas)


def trained_model() -> Artifact:
    return Api().artifact("sentiment-analysis/sentiment-model:latest")


def graph_of(artifact: Artifact) -> set[str]:
    """Return the edges of the lineage of an artifact, with runs by their job types."""
    lineage = artifact.lineage()
    jobs = {node.id: f"({node.job_type})" for node in lineage.nodes if isinstance(node, RunNode)}
    ends = {node.id: jobs.get(node.id, node.name) for node in lineage.nodes}
    return {f"{ends[edge.source]} -{edge.kind}-> {ends[edge.target]}" for edge in lineage.edges}


def test_the_sentiment_analysis_has_all_its_edges() -> None:
    write_reviews(10)
    first = ingest()
    second = run_sample(TRAIN)
    assert len(second["processed_data"]) == 7
    assert second["processed_data"].equals(first["processed_data"].reset_index(drop=True))
    model = trained_model()
    assert (model.description, entry_paths(model)) == (
        "A sentiment analysis model trained on processed data",
        ["model_weights.pth"],
    )
    expected = {
        "(data-ingestion) -produced-> processed-dataset:v0",
        "processed-dataset:v0 -used-> (training)",
        "processed-dataset:v0 -references-> sentiment-model:v0",
        "(training) -produced-> sentiment-model:v0",
    }
    assert graph_of(model) == graph_of(Api().artifact("sentiment-analysis/processed-dataset:v0")) == expected
    ingestion, training = Api().runs("sentiment-analysis", order="+created_at")
    assert (
        [artifact.name for artifact in ingestion.used_artifacts()],
        [artifact.name for artifact in training.used_artifacts()],
    ) == (
        [],
        ["processed-dataset:v0"],
    )
    assert [artifact.name for artifact in training.logged_artifacts()] == ["sentiment-model:v0"]


def test_a_model_leads_back_to_exactly_the_data_that_it_was_trained_on() -> None:
    write_reviews(10)
    ingest()
    run_sample(TRAIN)
    model = trained_model()
    write_reviews(20)
    ingest()
    run_sample(TRAIN)
    [dataset] = model.dependencies()
    assert dataset.name == "processed-dataset:v0"
    assert len(dataset.get_table("processed_data.table.json").dataframe()) == 7
    assert trained_model().version == "v1", "the same weights trained on other data are another version"
    assert graph_of(trained_model()) == {
        "(data-ingestion) -produced-> processed-dataset:v1",
        "processed-dataset:v1 -used-> (training)",
        "processed-dataset:v1 -references-> sentiment-model:v1",
        "(training) -produced-> sentiment-model:v1",
    }
    run_sample(TRAIN)
    assert trained_model().version == "v1"


def test_a_missing_dataset_raises_the_error_that_the_sample_catches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_sample(TRAIN)
    assert "Could not find artifact: " in capsys.readouterr().out


def test_a_dataset_of_another_type_raises_the_error_that_the_sample_catches() -> None:
    log_version("processed-dataset", "model", project="sentiment-analysis")
    with pytest.raises(SystemExit):
        run_sample(TRAIN)


# Tables


def test_the_distributed_table_of_the_parallel_runs_is_read_as_one() -> None:
    code = """
        import wandb
        artifact = wandb.Artifact(name="parallel-artifact", type="dataset")
        parts_path = "parts"
        for i in range(5):
            table = wandb.Table(columns=["a", "b", "c"], data=[[i, i * 2, 2**i]])
            artifact.add(table, "{}/table_{}".format(parts_path, i))
        artifact.add(wandb.data_types.PartitionedTable(parts_path), "distributed_table")
        with wandb.init() as run:
            run.log_artifact(artifact)
        """
    artifact = run_sample(code)["artifact"]
    table = artifact.get("distributed_table")
    assert isinstance(table, PartitionedTable)
    assert [row for _, row in table.iterrows()] == [[i, i * 2, 2**i] for i in range(5)]
    assert entry_paths(artifact) == [
        "distributed_table.partitioned-table.json",
        *(f"parts/table_{i}.table.json" for i in range(5)),
    ]


# Versions, aliases


def test_latest_moves_and_a_custom_alias_stays() -> None:
    write_files(Path("images"), {"cat.png": b"cat", "dog.png": b"dog"})
    run_sample(LOG_ANIMALS.replace("log_artifact(artifact)", "log_artifact(artifact, aliases=['my-cool-alias'])"))
    write_files(Path("images"), {"bird.png": b"bird"})
    run_sample(LOG_ANIMALS)
    names = run_sample("""
        import wandb

        run = wandb.init()
        animals = run.use_artifact('animals:latest')
        directory = animals.download()
    """)
    assert names["animals"].version == "v1"
    assert sorted(path.name for path in Path(names["directory"]).iterdir()) == ["bird.png", "cat.png", "dog.png"]
    assert Api().artifact("animals:my-cool-alias").version == "v0"
    assert Api().artifact("animals:v0").aliases == ["my-cool-alias"]


def test_an_artifact_keeps_the_type_of_its_first_version() -> None:
    log_version("cats", "dataset")
    with pytest.raises(ValueError, match=r"cats.*dataset"):
        run_sample("""
            import wandb
            run = wandb.init()
            run.log_artifact(wandb.Artifact(name="cats", type="model"))
        """)
    finish_run()


def test_a_loop_of_logs_numbers_the_versions_in_the_order_of_the_calls() -> None:
    run_sample("""
        import wandb
        run = wandb.init(project="artifacts-example", job_type="job-type")
        for i in range(10):
            a = wandb.Artifact(
                "race",
                type="dataset",
                metadata={
                    "index": i,
                },
            )
            # ... add files to artifact a ...
            run.log_artifact(a)
    """)
    finish_run()
    artifacts = Api(overrides={"project": "artifacts-example"}).artifacts("dataset", "race", order="version_index")
    assert [(version.version, version.metadata) for version in artifacts] == [
        (f"v{i}", {"index": i}) for i in range(10)
    ]
    [run] = Api().runs("artifacts-example")
    assert {f"{edge.source} -{edge.kind}-> {edge.target}" for edge in run.lineage().edges} == {
        f"artifacts-example/{run.id} -produced-> artifacts-example/race:v{i}" for i in range(10)
    }


# Adding to an artifact


@pytest.fixture
def artifact(workdir: Path) -> Built:
    write_files(
        workdir / "project", {"images/cat.png": b"cat", "images/dog.png": b"dog", "checkpoints/model.h5": b"early"}
    )
    write_files(workdir / "project", {"model.h5": b"late", "hello_world.txt": b"hi", "path/file.txt": b"text"})
    names: dict[str, Any] = run_sample("""
        import os
        import wandb
        os.chdir("project")
        artifact = wandb.Artifact(name="replaced", type="dataset")
    """)
    built: Built = names["artifact"]
    return built


@pytest.mark.parametrize(
    ("call", "content"),
    [
        ("add_file(local_path='hello_world.txt', name='optional-name')", {"optional-name": b"hi"}),
        ("add_file('path/file.txt')", {"file.txt": b"text"}),
        ("add_file(local_path='path/file.txt', name='new/path/file.txt')", {"new/path/file.txt": b"text"}),
        ("add_file('model.h5')", {"model.h5": b"late"}),
        ("add_file('checkpoints/model.h5')", {"model.h5": b"early"}),
        ("add_file('model.h5', name='models/mymodel.h5')", {"models/mymodel.h5": b"late"}),
        ("add_dir('images')", {"cat.png": b"cat", "dog.png": b"dog"}),
        ("add_dir('images', name='images')", {"images/cat.png": b"cat", "images/dog.png": b"dog"}),
        ("add_dir(local_path='images', name='prefix')", {"prefix/cat.png": b"cat", "prefix/dog.png": b"dog"}),
        ("new_file('hello.txt')", {"hello.txt": b""}),
    ],
)
def test_each_call_of_the_table_has_the_documented_result(
    artifact: Built, call: str, content: dict[str, bytes]
) -> None:
    run_sample(f"artifact.{call}", artifact=artifact)
    run_sample("import wandb\nwandb.init().log_artifact(artifact)", artifact=artifact)
    root = Path(artifact.download())
    assert {path: (root / path).read_bytes() for path in entry_paths(artifact)} == content


def test_a_uri_is_referenced_under_the_given_name(artifact: Built) -> None:
    uri = Path("model.h5").absolute().as_uri()
    run_sample(
        """
        import wandb
        artifact.add_reference(uri=uri, name="optional-name")
        run = wandb.init(project="artifacts-example", job_type="job-type")
        run.log_artifact(artifact)
    """,
        artifact=artifact,
        uri=uri,
    )
    assert artifact.get_entry("optional-name").ref == uri
    assert Path(artifact.download(), "optional-name").read_bytes() == b"late"
    assert graph_of(artifact) == {"(job-type) -produced-> replaced:v0"}


def test_a_new_file_is_filled_in_a_with_block() -> None:
    names = run_sample("""
        import wandb
        artifact = wandb.Artifact(name="replaced", type="dataset")
        with artifact.new_file('hello.txt') as file:
            file.write('hello')
        wandb.init().log_artifact(artifact)
    """)
    assert Path(names["artifact"].file()).read_text() == "hello"


def test_missing_items_raise_the_errors_of_wandb() -> None:
    log_version()
    with pytest.raises(CommError, match=r"animals:v7.*latest is v0"):
        Api().artifact("animals:v7")
