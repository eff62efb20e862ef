"""Calls of runs and of the Api that programs and libraries make, beyond logging artifacts."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

import artstore
from artstore import Api
from artstore.errors import InvalidInput, NotFound, UsageError, WaitTimeoutError
from tests.support.files import write_files
from tests.support.wandb_fixtures import entry_paths, log_version

pytestmark = pytest.mark.usefixtures("workdir")


def test_a_run_answers_what_integrations_ask_it() -> None:
    run = artstore.init(project="p", config={"lr": 0.1}, group="g")
    run._label(code="transformers_trainer")
    assert (run.get_url(), run.get_project_url(), run.sweep_id, run.sweep_url) == (None, None, None, None)
    assert (run.project_name(), run.config_static, run.sync_dir) == ("p", {"lr": 0.1}, run.dir)
    assert (run.settings.run_id, run.settings.project, run.settings.run_group) == (run.id, "p", "g")
    assert run.settings._jupyter is None and run.status.sync_items_pending is None
    assert run.display() is False and run.id in run.to_html()
    run.pin_config_keys(["lr"])
    artstore.join()
    assert artstore.run is None and Api().run(f"p/{run.id}").state == "finished"


# The files of a run


def test_files_in_the_folder_of_the_run_are_saved_added_and_logged() -> None:
    with artstore.init(project="p") as run:
        path = Path(run.dir, "model.pt")
        path.write_bytes(b"weights")
        assert artstore.save(str(path)) == [str(path)]
        artifact = artstore.Artifact("m", "model")
        artifact.add_file(str(path))
        artifact.add_dir(run.dir, name="all")
        version = run.log_artifact(artifact).wait()
        run.log_model(str(path), name="again")
    assert entry_paths(version) == ["all/model.pt", "model.pt"]
    assert Path(Api().artifact("p/again:latest").file()).read_bytes() == b"weights"


@pytest.mark.parametrize("part", ["packs", "artstore.db"])
def test_the_catalog_and_the_packs_cannot_be_added(part: str) -> None:
    with artstore.init(project="p") as run:
        artifact, inside = artstore.Artifact("m", "model"), run.store.path / part
        assert inside.exists()
        with pytest.raises(OSError, match="in, the store"):
            artifact.add_dir(inside) if inside.is_dir() else artifact.add_file(inside)


@pytest.mark.parametrize(
    ("pattern", "base_path", "saved"),
    [
        ("a/*.pt", None, ["a/m.pt"]),
        ("*/m.pt", None, ["a/m.pt", "b/m.pt"]),
        ("a/m.pt", "a", ["m.pt"]),
        ("a", None, ["a/deep/n.pt", "a/m.pt"]),
        ("{cwd}/a/*.pt", None, ["a/m.pt"]),
        ("{cwd}/a/deep/n.pt", "{cwd}", ["a/deep/n.pt"]),
        ("nothing/*", None, []),
        ("s3://bucket/m.pt", None, []),
    ],
)
def test_saved_files_keep_their_folders(pattern: str, base_path: str | None, saved: list[str]) -> None:
    write_files(Path(), {"a/m.pt": b"1", "a/deep/n.pt": b"2", "b/m.pt": b"3"})
    with artstore.init(project="p") as run:
        paths = run.save(pattern.format(cwd=os.getcwd()), base_path=base_path and base_path.format(cwd=os.getcwd()))
    assert [Path(path).relative_to(run.dir).as_posix() for path in paths] == saved
    assert [file.name for file in Api().run(f"p/{run.id}").files()] == saved


def test_a_pattern_outside_of_the_base_and_an_unknown_policy_are_refused() -> None:
    write_files(Path(), {"a/m.pt": b"1", "b/m.pt": b"3"})
    with artstore.init(project="p") as run:
        with pytest.raises(InvalidInput, match="is not below base_path"):
            run.save("a/m.pt", base_path="b")
        with pytest.raises(InvalidInput, match='Only "live", "end" and "now"'):
            run.save("a/m.pt", policy="sometimes")


@pytest.mark.parametrize(
    ("policy", "while_it_runs", "at_the_end"), [("now", "1", "1"), ("end", None, "2"), ("live", "1", "2")]
)
def test_a_policy_says_when_a_file_is_stored(policy: str, while_it_runs: str | None, at_the_end: str) -> None:
    path = Path("log.txt")
    path.write_text("1")
    with artstore.init(project="p") as run:
        (link,) = run.save("log.txt", policy=policy)
        assert Path(link).read_text() == "1"
        assert stored_text(run, "log.txt") == while_it_runs
        path.write_text("2")
    assert stored_text(run, "log.txt") == at_the_end


def stored_text(run: artstore.Run, name: str) -> str | None:
    files = Api().run(run.path).files([name])
    if not len(files):
        return None
    with files[0].download("stored", replace=True) as copy:
        return str(copy.read())


def test_a_live_file_is_stored_while_the_run_logs() -> None:
    path = Path("log.txt")
    path.write_text("1")
    with artstore.init(project="p") as run:
        run.save("log.txt")
        path.write_text("changed")
        run.log({"loss": 1})
        ends = time.monotonic() + 20
        while stored_text(run, "log.txt") != "changed" and time.monotonic() < ends:
            time.sleep(0.05)
        assert stored_text(run, "log.txt") == "changed"


def test_a_saved_file_that_is_deleted_stays_as_it_was() -> None:
    path = Path("log.txt")
    path.write_text("1")
    with artstore.init(project="p") as run:
        run.save("log.txt")
        path.unlink()
    assert stored_text(run, "log.txt") == "1"


def test_a_saved_file_is_restored_by_another_run_and_without_one() -> None:
    write_files(Path(), {"out/model.pt": b"weights"})
    with artstore.init(project="p") as first:
        first.save("out/model.pt")
    with artstore.init(project="q") as run:
        with run.restore("out/model.pt", run_path=f"p/{first.id}") as file:  # type: ignore[union-attr]
            assert file.read() == "weights" and file.name == str(Path(run.dir, "out/model.pt"))
        assert artstore.restore("nothing.pt", run_path=first.path) is None
    Path("out/model.pt").write_text("changed")
    with artstore.restore("out/model.pt", run_path=f"local/p/{first.id}") as file:  # type: ignore[union-attr]
        assert file.read() == "changed"
    with artstore.restore("out/model.pt", f"p/{first.id}", replace=True, root="new") as file:  # type: ignore[union-attr]
        assert file.read() == "weights"
    with pytest.raises(NotFound):
        artstore.restore("m", run_path="p/nothing")
    with pytest.raises(UsageError, match="run_path required"):
        artstore.restore("m")


def test_the_api_reads_adds_and_deletes_files_of_a_run() -> None:
    write_files(Path(), {"a/m.json": b"{}", "b.txt": b"bee"})
    with artstore.init(project="p") as run:
        run.save("a/m.json")
    public = Api().run(f"p/{run.id}")
    added = public.upload_file("b.txt")
    assert [(file.name, file.size, file.mimetype) for file in public.files()] == [
        ("a/m.json", 2, "application/json"),
        ("b.txt", 3, "text/plain"),
    ]
    assert [file.name for file in public.files(["b.txt"])] == ["b.txt"]
    assert [file.name for file in public.files(pattern="a/%")] == ["a/m.json"]
    assert added.md5 == base64.b64encode(hashlib.md5(b"bee").digest()).decode()
    with public.file("b.txt").download("copies") as copy:
        assert copy.read() == "bee"
    with pytest.raises(InvalidInput, match="is there already"):
        public.file("b.txt").download("copies")
    public.file("b.txt").delete()
    with pytest.raises(NotFound, match=r"has no file 'b.txt'"):
        public.file("b.txt")


# Edits through the Api


def test_edits_of_a_run_through_the_api_are_stored() -> None:
    with artstore.init(project="p", config={"lr": 0.1, "model": {"layers": [1]}}) as run:
        run.log({"loss": 1})
    public = Api().run(f"p/{run.id}")
    public.summary["best"] = 2
    public.config["dataset"] = "animals"
    public.config["model"]["layers"].append(2)
    public.name, public.notes, public.tags = "renamed", "edited", ["checked"]
    public.tags.append("twice")
    public.group = "night"
    public.update()
    public.summary.update({"accuracy": 0.93})
    again = Api().run(f"p/{run.id}")
    assert again.summary == {"loss": 1, "best": 2, "accuracy": 0.93}
    assert again.config == {"lr": 0.1, "model": {"layers": [1, 2]}, "dataset": "animals"}
    assert (again.name, again.notes, again.tags, again.group) == ("renamed", "edited", ["checked", "twice"], "night")
    assert '"lr": {"value": 0.1' in again.json_config
    again.config["lr"] = 5
    assert again.load().config["lr"] == 0.1


def test_a_run_is_deleted_with_or_without_its_artifacts() -> None:
    write_files(Path(), {"f": b"x"})
    for project, with_artifacts in (("p", False), ("q", True)):
        with artstore.init(project=project) as run:
            run.log({"loss": 1})
            run.save("f")
            run.log_artifact("f", name="data", type="dataset")
        Api().run(f"{project}/{run.id}").delete(delete_artifacts=with_artifacts)
        with pytest.raises(NotFound):
            Api().run(f"{project}/{run.id}")
        assert not Path(run.dir).exists() or not any(Path(run.dir).iterdir())
        assert Api().artifact_exists(f"{project}/data:v0") is not with_artifacts
    assert Api().artifact("p/data:v0").logged_by() is None
    assert run.store.verify().ok


def test_a_run_that_is_open_is_not_deleted_and_can_be_waited_for() -> None:
    run = artstore.init(project="p")
    public = Api().run(f"p/{run.id}")
    with pytest.raises(UsageError, match="is running"):
        public.delete()
    with pytest.raises(WaitTimeoutError):
        public.wait_until_finished(timeout=0)
    threading.Timer(0.3, run.finish).start()
    public.wait_until_finished(timeout=30)
    assert public.state == "finished"


# Registries


def test_collections_of_registries_have_spaces_and_registries_any_case() -> None:
    with artstore.init(project="p") as run:
        artifact = artstore.Artifact("model", "model")
        with artifact.new_file("m.txt") as file:
            file.write("x")
        link = run.link_artifact(artifact, "model-registry/My Registered Model", aliases=["staging"])
        run.link_artifact(artifact, "wandb-registry-Model/Lemon Mold Detector")
        run.link_artifact(artifact, "wandb-registry-model/BDD Segmentation")
        used = run.use_artifact("model-registry/My Registered Model:staging")
    assert link.name == "My Registered Model:v0" and used.source_name == "model:v0"
    assert Path(used.download()).name == "model-v0" or Path(used.download()).is_dir()
    (registry,) = Api().registries()
    assert registry.name == "Model" and Api().registry("MODEL").name == "Model"
    assert [collection.name for collection in registry.collections()] == ["BDD Segmentation", "Lemon Mold Detector"]
    found = Api().artifact("wandb-registry-MODEL/Lemon Mold Detector:v0")
    assert found.collection.name == "Lemon Mold Detector" and found.collection.artifacts()[0].version == "v0"
    with artstore.init(project="p") as run:
        run.link_model(Path(found.download(), "m.txt"), "Another One")
    assert Api().artifact_exists("model-registry/Another One:v0")


@pytest.mark.parametrize("name", [" a", "a ", "", "a\n", "a\\b"])
def test_names_that_are_refused_in_registries_too(name: str) -> None:
    version = log_version()
    with pytest.raises(ValueError, match=r"invalid|Invalid"):
        version.link(f"model-registry/{name}")


# Config, metrics, reinit


def test_define_metric_says_what_the_summary_keeps() -> None:
    with artstore.init(project="p") as run:
        run.define_metric("loss", summary="min")
        run.define_metric("acc", summary="max,mean,last")
        run.define_metric("eval/*", summary="first")
        run.define_metric("hidden", summary="none")
        run.define_metric("epoch")
        for loss, acc in ((3, 1), (1, 4), (2, 1)):
            run.log({"loss": loss, "acc": acc, "eval/x": loss, "hidden": 1, "epoch": acc, "other": loss})
        with pytest.raises(InvalidInput, match="does not know summary='least'"):
            run.define_metric("x", summary="least")
    assert Api().run(f"p/{run.id}").summary == {
        "loss": {"min": 1},
        "acc": {"max": 4, "mean": 2.0, "last": 1},
        "eval/x": {"first": 3},
        "epoch": 1,
        "other": 2,
    }


def test_without_reinit_the_open_run_is_returned() -> None:
    mine = artstore.init(project="p")
    assert artstore.init(project="p", reinit=False) is mine
    assert artstore.init(project="p", reinit=True) is not mine


def test_a_config_is_read_from_yaml_and_completed_by_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    Path("config-defaults.yaml").write_text("wandb_version: 1\nlr:\n  desc: rate\n  value: 0.1\nepochs:\n  value: 3\n")
    Path("c.yaml").write_text("lr: 0.5\nlayers: [1, 2]\n")
    assert dict(artstore.init(project="p").config) == {"lr": 0.1, "epochs": 3}
    assert dict(artstore.init(project="p", config="c.yaml").config) == {"lr": 0.5, "epochs": 3, "layers": [1, 2]}
    assert dict(artstore.init(project="p", config={"epochs": 5}).config) == {"lr": 0.1, "epochs": 5}
    Path("config-defaults.yaml").write_text("- of another program\n")
    assert dict(artstore.init(project="p").config) == {}
    assert "config-defaults.yaml is not used" in capsys.readouterr().err
    Path("broken.yaml").write_text("a: [1\n")
    with pytest.raises(InvalidInput, match="it is neither JSON nor YAML"):
        artstore.init(project="p", config="broken.yaml")


def test_lists_of_other_libraries_stay_lists() -> None:
    config = dict(OmegaConf.create({"m": {"layers": [1, 2]}, "sizes": [3]}))
    with artstore.init(project="p", config=config) as run:
        run.log({"sizes": OmegaConf.create([1, {"a": 2}])})
    public = Api().run(f"p/{run.id}")
    assert public.config == {"m": {"layers": [1, 2]}, "sizes": [3]}
    assert public.summary == {"sizes": [1, {"a": 2}]}


@pytest.mark.parametrize("nest", [lambda a: {"dataset": a}, lambda a: [1, {"x": a}]])
def test_an_artifact_below_the_top_of_a_config_is_refused(nest: Any) -> None:
    version = log_version()
    with artstore.init(project="p") as run:
        with pytest.raises(ValueError, match="can only be top level keys in a run's config"):
            run.config.inner = nest(version)
        run.config.outer = version
        assert "inner" not in run.config


def test_arguments_that_ask_for_nothing_print_no_note(capsys: pytest.CaptureFixture[str]) -> None:
    artstore.init(project="p", dir="/tmp/x", save_code=False, force=True, anonymous="allow", sync_tensorboard=False)
    assert "no meaning" not in capsys.readouterr().err


def test_only_models_are_linked_as_models() -> None:
    Path("b.txt").write_text("x")
    with artstore.init(project="p") as run:
        run.log_artifact("b.txt", name="m", type="dataset").wait()
        with pytest.raises(AssertionError):
            run.link_model("b.txt", "portfolio", "m")
    assert not Api().artifact_exists("model-registry/portfolio:v0")


# Projects, registries and files


def test_projects_registries_and_types_are_listed_with_the_arguments_of_wandb() -> None:
    version = log_version("animals", project="p")
    log_version("plants", project="p")
    links = [version.link(f"wandb-registry-{name}/Shown") for name in ("a", "b")]
    api = Api()
    assert [link.linked_at is not None for link in links] == [True, True] and version.linked_at is None
    assert [kind.name for kind in api.project("p").artifacts_types()] == ["dataset"]
    assert [each.name for each in api.project("p").collections(filters={"name": "plants"})] == ["plants"]
    with pytest.raises(NotFound, match="no project 'nothing'"):
        api.project("nothing")
    (kind,) = api.artifact_types("p")
    assert [each.name for each in kind.collections(filters={"name": "animals"}, order="name")] == ["animals"]
    registries = api.registries(order="name")
    assert [registry.name for registry in registries] == ["a", "b"]
    assert [registry.name for registry in api.registries(start="wandb-registry-a")] == ["b"]
    assert [each.name for each in registries[0].collections(order="name", per_page=1)] == ["Shown"]
    assert [each.name for each in registries[0].versions(per_page=1)] == ["Shown:v0"]
    with pytest.raises(InvalidInput, match="cannot order versions by 'size'"):
        registries[0].versions(order="size")


def test_files_of_an_artifact_tell_their_type_and_their_algorithm() -> None:
    (file,) = log_version(files={"a.json": b"{}"}).files()
    assert (file.id, file.mimetype, file.digest_algorithm()) == ("a.json", "application/json", "blake3")
    assert file.md5 == "mZFLkyvTelC5g8XnyQrpOw=="
    assert file.updated_at == Api().artifact("animals:v0").created_at and file.url == ""
    assert Api().artifact("animals:v0").digest_algorithm == "blake3"
