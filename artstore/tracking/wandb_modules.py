"""The modules of wandb that programs import from, and where the names in them are found in artstore."""

from __future__ import annotations

from collections.abc import Mapping

from artstore import data_types
from artstore.tracking import wandb_variables

_API, _RUNS, _COLLECTIONS = "artstore.tracking.api", "artstore.tracking.public_run", "artstore.tracking.collection"
_ENTRIES, _PARTS, _STATE = (
    "artstore.tracking.entries",
    "artstore.tracking.wandb_parts",
    "artstore.tracking.artifact_state",
)
_REGISTRY = "artstore.tracking.registry"
_RUN, _CONFIG, _TERMINAL = "artstore.tracking.run", "artstore.tracking.config", "artstore.runtime.terminal"
_ERRORS, _TYPES, _PLOT = "artstore.errors", "artstore.data_types", "artstore.data_types.plot"
_LISTING = ("artstore.tracking.listing", "Listing")
Names = dict[str, tuple[str, str]]


def _from(module: str, *names: str) -> dict[str, tuple[str, str]]:
    """Return names that are the same in artstore."""
    return {name: (module, name) for name in names}


_ARTIFACTS: Names = {
    **_from(_COLLECTIONS, "ArtifactCollection", "ArtifactType"),
    "ArtifactCollections": _LISTING,
    "ArtifactFiles": _LISTING,
    "ArtifactTypes": _LISTING,
    "Artifacts": _LISTING,
    "ProjectArtifactCollections": _LISTING,
    "RunArtifacts": _LISTING,
}
_FILES: Names = {"File": ("artstore.tracking.run_file", "RunFile"), "Files": _LISTING}
_PROJECTS: Names = {"Project": (_API, "Project"), "Projects": _LISTING}
_REGISTRIES: Names = {"Registry": (_REGISTRY, "Registry"), "Registries": (_REGISTRY, "Registries")}
_SWEEPS: Names = {"Sweep": ("artstore.tracking.sweeps", "Sweep"), "Sweeps": _LISTING}
_USERS: Names = {"User": (_API, "User"), "Users": _LISTING}
_TOOLS = "artstore.tracking.wandb_tools"
_PUBLIC_RUNS: Names = {"Run": (_RUNS, "PublicRun"), "Runs": (_RUNS, "Runs")}
_ERROR_NAMES = _from(
    _ERRORS, "AuthenticationError", "CommError", "Error", "UnsupportedError", "UsageError", "WaitTimeoutError"
) | {"WandbCoreNotAvailableError": (_PARTS, "WandbCoreNotAvailableError")}
_ARTIFACT_ERRORS = _from(
    _ERRORS, "ArtifactStatusError", "ArtifactNotLoggedError", "ArtifactFinalizedError", "WaitTimeoutError"
)
_TERM = _from(_TERMINAL, "termerror", "termlog", "termwarn")
_INTEGRATIONS = {
    "catboost": _from("artstore.integrations.catboost", "WandbCallback", "log_summary"),
    "keras": _from("artstore.integrations.keras", "WandbEvalCallback", "WandbMetricsLogger", "WandbModelCheckpoint"),
    "lightgbm": _from("artstore.integrations.lightgbm", "log_summary", "wandb_callback"),
    "sb3": _from("artstore.integrations.sb3", "WandbCallback"),
    "sklearn": _from(
        "artstore.integrations.sklearn",
        *("plot_class_proportions", "plot_classifier", "plot_confusion_matrix", "plot_feature_importances"),
        *("plot_learning_curve", "plot_precision_recall", "plot_roc", "plot_summary_metrics"),
    ),
    "xgboost": _from("artstore.integrations.xgboost", "WandbCallback"),
}
_MEDIA: Names = {"Media": (_TYPES, "Media"), "BatchableMedia": (_TYPES, "Media")}
_VALUE: Names = {"WBValue": (_TYPES, "DataObject")}

MODULES: Mapping[str, Names] = {
    "wandb.data_types": {
        **_from(_TYPES, *data_types.__all__),
        **_VALUE,
        **_MEDIA,
        "EvalTable": ("artstore.tracking.server_only", "eval_table"),
        "Graph": ("artstore.tracking.server_only", "graph"),
    },
    "wandb.env": _from(
        _PARTS, "get_artifact_dir", "get_cache_dir", "get_dir", "get_entity", "get_project", "get_run", "is_offline"
    )
    | _from(_PARTS, "is_silent")
    | _from(_TOOLS, "set_entity", "set_project")
    | _from("artstore.tracking.wandb_variables", *(name for name in vars(wandb_variables) if name.isupper())),
    "wandb.errors": {
        **_ERROR_NAMES,
        **_ARTIFACT_ERRORS,
        **_TERM,
        "ArtstoreError": (_ERRORS, "ArtstoreError"),
    },
    "wandb.errors.errors": _ERROR_NAMES,
    "wandb.errors.term": _TERM,
    "wandb.integration": {},
    **{f"wandb.integration.{name}": members for name, members in _INTEGRATIONS.items()},
    **{f"wandb.{name}": members for name, members in _INTEGRATIONS.items() if name != "sb3"},
    "wandb.plot": _from(
        *(_PLOT, "CustomChart", "Visualize", "bar", "confusion_matrix", "histogram", "line", "line_series"),
        *("plot_table", "pr_curve", "roc_curve", "scatter", "visualize"),
    ),
    "wandb.plot.custom_chart": _from(_PLOT, "CustomChart", "CustomChartSpec", "plot_table"),
    "wandb.util": {
        "generate_id": (_RUN, "generate_id"),
        **_from(_PARTS, "get_full_typename", "get_module", "make_artifact_name_safe", "to_forward_slash_path"),
        **_from(_TOOLS, "is_numpy_array", "json_dumps_safer"),
    },
    "wandb.apis": {"PublicApi": (_API, "Api"), "InternalApi": (_PARTS, "InternalApi")},
    "wandb.apis.internal": {"Api": (_PARTS, "InternalApi"), "InternalApi": (_PARTS, "InternalApi")},
    "wandb.apis.public": {
        "Api": (_API, "Api"),
        **(_ARTIFACTS | _FILES | _PROJECTS | _REGISTRIES | _PUBLIC_RUNS | _SWEEPS | _USERS),
    },
    "wandb.apis.public.api": {"Api": (_API, "Api")},
    "wandb.apis.public.artifacts": _ARTIFACTS,
    "wandb.apis.public.files": _FILES,
    "wandb.apis.public.projects": _PROJECTS,
    "wandb.apis.public.registries": _REGISTRIES,
    "wandb.apis.public.registries.registry": {"Registry": (_REGISTRY, "Registry")},
    "wandb.apis.public.runs": _PUBLIC_RUNS,
    "wandb.apis.public.sweeps": _SWEEPS,
    "wandb.apis.public.users": _USERS,
    "wandb.sdk": {
        "Artifact": ("artstore.tracking.artifact", "Artifact"),
        "Config": (_CONFIG, "Config"),
        "Run": (_RUN, "Run"),
        "Settings": ("artstore.tracking.settings", "Settings"),
        "Summary": (_CONFIG, "Summary"),
        "init": ("artstore.tracking.init", "init"),
        "login": (_PARTS, "login"),
    },
    "wandb.sdk.lib": {"RunDisabled": (_PARTS, "RunDisabled")},
    "wandb.sdk.lib.config_util": {"ConfigError": ("artstore.errors", "ConfigError")},
    "wandb.sdk.lib.disabled": {"RunDisabled": (_PARTS, "RunDisabled")},
    "wandb.sdk.lib.filesystem": _from(_PARTS, "mkdir_exists_ok"),
    "wandb.sdk.lib.hashutil": _from(
        _TOOLS, "b64_to_hex_id", "hex_to_b64_id", "md5_file_b64", "md5_file_hex", "md5_string"
    ),
    "wandb.sdk.lib.ipython": _from(_TOOLS, "in_ipython", "in_jupyter", "in_notebook"),
    "wandb.sdk.lib.paths": {
        "LogicalPath": (_PARTS, "LogicalPath"),
        "StrPath": ("artstore.tracking.run_artifacts", "StrPath"),
    },
    "wandb.sdk.lib.printer": {
        "Printer": (_PARTS, "Printer"),
        "new_printer": (_PARTS, "new_printer"),
        "get_printer": (_PARTS, "new_printer"),
    },
    "wandb.sdk.lib.runid": {"generate_id": (_RUN, "generate_id"), **_from(_PARTS, "generate_fast_id")},
    "wandb.sdk.lib.telemetry": {
        "TelemetryRecord": (_PARTS, "TelemetryRecord"),
        "context": (_PARTS, "telemetry_context"),
    },
    "wandb.sdk.wandb_alerts": _from("artstore.tracking.active_run", "AlertLevel"),
    "wandb.sdk.wandb_config": {"Config": (_CONFIG, "Config")},
    "wandb.sdk.wandb_init": {"init": ("artstore.tracking.init", "init"), "_attach": (_PARTS, "_attach")},
    "wandb.sdk.wandb_login": {"login": (_PARTS, "login")},
    "wandb.sdk.wandb_run": {"Run": (_RUN, "Run")},
    "wandb.sdk.wandb_settings": {"Settings": ("artstore.tracking.settings", "Settings")},
    "wandb.sdk.wandb_setup": _from("artstore.tracking.active_run", "setup", "teardown"),
    "wandb.sdk.wandb_summary": {"Summary": (_CONFIG, "Summary")},
    "wandb.wandb_run": {"Run": (_RUN, "Run")},
    "wandb.sdk.artifacts": {},
    "wandb.sdk.artifacts.artifact": {"Artifact": ("artstore.tracking.artifact", "Artifact")},
    "wandb.sdk.artifacts.artifact_manifest": _from("artstore.tracking.artifact_manifest", "ArtifactManifest"),
    "wandb.sdk.artifacts.artifact_manifest_entry": {"ArtifactManifestEntry": (_ENTRIES, "ArtifactEntry")},
    "wandb.sdk.artifacts.artifact_state": {"ArtifactState": (_PARTS, "ArtifactState")},
    "wandb.sdk.artifacts.artifact_ttl": _from(_STATE, "ArtifactTTL"),
    "wandb.sdk.artifacts.exceptions": _ARTIFACT_ERRORS,
    "wandb.sdk.data_types": {},
    "wandb.sdk.data_types.audio": _from(_TYPES, "Audio"),
    "wandb.sdk.data_types.base_types": {},
    "wandb.sdk.data_types.base_types.media": _MEDIA,
    "wandb.sdk.data_types.base_types.wb_value": _VALUE,
    "wandb.sdk.data_types.bokeh": _from(_TYPES, "Bokeh"),
    "wandb.sdk.data_types.helper_types": {},
    "wandb.sdk.data_types.helper_types.bounding_boxes_2d": _from(_TYPES, "BoundingBoxes2D"),
    "wandb.sdk.data_types.helper_types.classes": _from(_TYPES, "Classes"),
    "wandb.sdk.data_types.helper_types.image_mask": _from(_TYPES, "ImageMask"),
    "wandb.sdk.data_types.histogram": _from(_TYPES, "Histogram"),
    "wandb.sdk.data_types.html": _from(_TYPES, "Html"),
    "wandb.sdk.data_types.image": _from(_TYPES, "Image"),
    "wandb.sdk.data_types.molecule": _from(_TYPES, "Molecule"),
    "wandb.sdk.data_types.object_3d": _from(_TYPES, "Object3D", "box3d"),
    "wandb.sdk.data_types.plotly": _from(_TYPES, "Plotly"),
    "wandb.sdk.data_types.table": _from(_TYPES, "JoinedTable", "PartitionedTable", "Table"),
    "wandb.sdk.data_types.video": _from(_TYPES, "Video"),
}
"""Each module with its names, and for each name the module and the name in artstore."""

SERVER_ONLY = (
    *("EvalTable", "Graph", "agents", "analytics", "attach", "controller", "docker", "gym", "helper", "jupyter"),
    *("profiler", "proto", "sacred", "sagemaker_auth", "sandbox", "tensorboard", "trigger", "wandb_agent"),
    "wandb_controller",
)
"""Names of the package that say, when they are used, that artstore does not have them."""
