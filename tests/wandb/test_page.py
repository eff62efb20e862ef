"""docs/wandb-compatibility.md is true: every public name of wandb is in artstore or named on the page."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import artstore
from artstore import Api, Artifact, Run
from artstore.tracking.artifact_manifest import ArtifactManifest
from artstore.tracking.collection import ArtifactCollection, ArtifactType
from artstore.tracking.entries import ArtifactEntry
from artstore.tracking.public_run import PublicRun
from tests.support.wandb_fixtures import log_version
from tests.support.wandb_names import attributes_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "wandb-compatibility.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("|")]
NAMED = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", "\n".join(ROWS)))))

# The public names of wandb 0.31.
ARTIFACT = """
    add add_dir add_file add_reference aliases checkout collection commit_hash created_at delete description digest
    digest_algorithm distributed_id download entity file file_count files finalize get get_added_local_path_name
    get_entry get_path history_step id incremental is_draft is_link json_encode link linked_artifacts linked_at
    logged_by manifest metadata name new_draft new_file project qualified_name remove save size source_artifact
    source_collection source_entity source_name source_project source_qualified_name source_version state tags ttl type
    unlink updated_at url use_as used_by verify version wait
"""
RUN = """
    alert config config_static define_metric dir disabled display entity finish finish_artifact group id job_type
    link_artifact link_model log log_artifact log_code log_model mark_preempting name notes offline path pin_config_keys
    project project_url restore resumed save settings start_time starting_step status step summary sweep_id sweep_url
    sync_dir tags to_html unwatch upsert_artifact url use_artifact use_model watch write_logs
"""
API = """
    artifact artifact_collection artifact_collection_exists artifact_collections artifact_exists artifact_type
    artifact_types artifact_versions artifacts automation automations create_automation create_custom_chart
    create_project create_registry create_run create_run_queue create_team create_user default_entity delete_automation
    flush from_path integrations job list_jobs organization project projects queued_run registries registry reports run
    run_queue runs slack_integrations sweep sync_tensorboard team update_automation upsert_run_queue user user_agent
    users viewer webhook_integrations
"""
COLLECTION = """
    aliases artifacts change_type created_at delete description entity id is_sequence load name project project_id
    project_internal_id save tags type updated_at
"""
TYPE = "collection collections id name"
PUBLIC_RUN = """
    config create delete entity file files group history id job_type lastHistoryStep load log_artifact logged_artifacts
    metadata name notes path rawconfig save scan_history state stop storage_id summary summary_metrics system_metrics
    tags update upload_file url use_artifact used_artifacts username console_logs
"""
ENTRY = """
    path digest ref birth_artifact_id size extra local_path skip_cache digest_algorithm download name parent_artifact
    ref_target ref_url to_json
"""
MANIFEST = """
    add_entry digest entries from_manifest_json get_entries_in_directory get_entry_by_path hash_contents_with_md5
    remove_entry size storage_policy to_manifest_json version
"""
PACKAGE = """
    AlertLevel Api Artifact ArtifactTTL Audio Classes CommError Config Error EvalTable Graph Histogram Html Image
    JoinedTable Molecule Object3D Plotly Run Settings Table UsageError Video agent alert apis attach box3d catboost
    config controller data_types define_metric docker env errors finish gym init integration jupyter keras lightgbm
    link_model log log_artifact log_model login mark_preempting pin_config_keys plot plot_table profiler require restore
    run sacred save sdk setup sklearn summary sweep teardown tensorboard termerror termlog termwarn unwatch use_artifact
    use_model util visualize watch xgboost
"""


@pytest.mark.parametrize(
    ("kind", "of_wandb"),
    [
        (Artifact, ARTIFACT),
        (Run, RUN),
        (Api, API),
        (ArtifactCollection, COLLECTION),
        (ArtifactType, TYPE),
        (PublicRun, PUBLIC_RUN),
        (ArtifactEntry, ENTRY),
        (ArtifactManifest, MANIFEST),
    ],
)
def test_every_public_name_of_wandb_exists_or_is_on_the_page(kind: type, of_wandb: str) -> None:
    assert sorted(set(of_wandb.split()) - attributes_of(kind) - NAMED) == []


def test_every_public_name_of_the_package_exists_or_is_on_the_page(workdir: Path) -> None:
    assert [name for name in PACKAGE.split() if not hasattr(artstore, name) and name not in NAMED] == []


def test_every_row_has_a_verdict() -> None:
    rows = [row for row in ROWS if set(row) - set("|- ")]
    verdicts = [row.strip("|").split("|")[-1].strip() for row in rows]
    allowed = r"(equal|different on purpose|not meaningful locally|ours)\b.*|"
    assert [verdict for verdict in verdicts if not re.fullmatch(allowed, verdict)] == []


def test_the_readme_links_to_the_page() -> None:
    assert "docs/wandb-compatibility.md" in (ROOT / "README.md").read_text(encoding="utf-8")


# The arguments of wandb 0.31, in their order.
SIGNATURES: list[tuple[Callable[..., object], str]] = [
    (Artifact, "name type description metadata incremental use_as storage_region digest_algorithm"),
    (Artifact.add_file, "local_path name is_tmp skip_cache policy overwrite"),
    (Artifact.add_dir, "local_path name skip_cache policy merge"),
    (Artifact.new_file, "name mode encoding policy"),
    (Artifact.add_reference, "uri name checksum max_objects"),
    (Artifact.remove, "item"),
    (Artifact.get_entry, "name"),
    (Artifact.get_added_local_path_name, "local_path"),
    (Artifact.download, "root allow_missing_references skip_cache path_prefix multipart"),
    (Artifact.checkout, "root"),
    (Artifact.verify, "root"),
    (Artifact.file, "root"),
    (Artifact.files, "names per_page start"),
    (Artifact.link, "target_path aliases"),
    (Artifact.delete, "delete_aliases"),
    (Artifact.save, "project settings"),
    (Artifact.wait, "timeout"),
    (Run.log, "data step commit"),
    (Run.log_artifact, "artifact_or_path name type aliases tags"),
    (Run.upsert_artifact, "artifact_or_path name type aliases distributed_id"),
    (Run.finish_artifact, "artifact_or_path name type aliases distributed_id"),
    (Run.use_artifact, "artifact_or_name type aliases use_as"),
    (Run.link_artifact, "artifact target_path aliases"),
    (Run.log_code, "root name include_fn exclude_fn"),
    (Run.log_model, "path name aliases"),
    (Run.link_model, "path registered_model_name name aliases"),
    (Run.use_model, "name"),
    (Run.save, "glob_str base_path policy glob"),
    (Run.finish, "exit_code"),
    (Api, "overrides timeout api_key"),
    (Api.artifact, "name type"),
    (Api.artifact_exists, "name type"),
    (Api.artifact_collection_exists, "name type"),
    (Api.artifacts, "type_name name order per_page tags start"),
    (Api.artifact_collection, "type_name name"),
    (Api.artifact_collections, "project_name type_name order per_page start"),
    (Api.artifact_type, "type_name project"),
    (Api.artifact_types, "project start"),
    (Api.registry, "name organization"),
    (Api.run, "path"),
    (Api.runs, "path filters order per_page include_sweeps lazy"),
    (Api.projects, "entity per_page"),
    (PublicRun.logged_artifacts, "per_page"),
    (PublicRun.used_artifacts, "per_page"),
    (PublicRun.use_artifact, "artifact use_as"),
    (PublicRun.log_artifact, "artifact aliases tags"),
    (PublicRun.scan_history, "keys page_size min_step max_step"),
    (PublicRun.history, "samples keys x_axis pandas stream"),
    (ArtifactEntry.download, "root skip_cache executor"),
]


@pytest.mark.parametrize(("function", "of_wandb"), SIGNATURES, ids=lambda each: getattr(each, "__qualname__", ""))
def test_arguments_have_the_names_and_order_of_wandb(function: Callable[..., object], of_wandb: str) -> None:
    ours = [name for name in inspect.signature(function).parameters if name != "self"]
    assert ours[: len(of_wandb.split())] == of_wandb.split()


BY_NAME_ONLY = """
    entity project dir id name notes tags config config_exclude_keys config_include_keys allow_val_change group job_type
    mode force reinit resume resume_from fork_from save_code tensorboard sync_tensorboard monitor_gym settings
"""


def test_init_takes_every_argument_of_wandb_by_its_name(workdir: Path) -> None:
    artstore.init(**dict.fromkeys(BY_NAME_ONLY.split()))


def test_a_script_uses_the_names_on_the_page(workdir: Path) -> None:
    wandb = artstore
    log_version()
    run = wandb.init(id=wandb.util.generate_id(), resume="allow")
    assert isinstance(run, wandb.sdk.wandb_run.Run)
    assert isinstance(wandb.apis.public.Api().run(run.id), wandb.apis.public.Run)
    run.alert(title="slow", text="very", level=wandb.AlertLevel.WARN, wait_duration=300)
    wandb.require("core")
    assert isinstance(run, wandb.wandb_run.Run) and not isinstance(run, wandb.sdk.lib.RunDisabled)
    with pytest.raises(AttributeError, match=r"no wandb.util.nothing"):
        wandb.util.nothing  # noqa: B018


def test_messages_of_integrations_go_to_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = artstore
    wandb.termlog("two\nlines")
    wandb.termlog("half a line", newline=False, prefix=False)
    wandb.termlog()
    for _ in range(2):
        wandb.termwarn("slow", repeat=False)
    monkeypatch.setenv("ARTSTORE_SILENT", "1")
    wandb.termlog("nothing")
    wandb.termerror("\x1b[2Jbroken")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "artstore: two",
        "artstore: lines",
        "half a lineartstore: ",
        "artstore: WARNING slow",
        "artstore: ERROR \\x1b[2Jbroken",
    ]
