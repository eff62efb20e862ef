# What `import artstore` offers, for type checkers and editors. `__init__.py` imports the same names when they are used.

from types import ModuleType

from artstore import api as api
from artstore import data_types as data_types
from artstore import errors as errors
from artstore.core.manifest import Entry as Entry
from artstore.core.manifest import Kind as Kind
from artstore.core.versions import Version as Version
from artstore.data_types import Audio as Audio
from artstore.data_types import Classes as Classes
from artstore.data_types import Histogram as Histogram
from artstore.data_types import Html as Html
from artstore.data_types import Image as Image
from artstore.data_types import JoinedTable as JoinedTable
from artstore.data_types import Molecule as Molecule
from artstore.data_types import Object3D as Object3D
from artstore.data_types import Plotly as Plotly
from artstore.data_types import Table as Table
from artstore.data_types import Video as Video
from artstore.data_types import box3d as box3d
from artstore.data_types import plot as plot
from artstore.data_types.plot import plot_table as plot_table
from artstore.data_types.plot import visualize as visualize
from artstore.errors import ArtstoreError as ArtstoreError
from artstore.errors import CommError as CommError
from artstore.errors import Error as Error
from artstore.errors import UsageError as UsageError
from artstore.runtime.terminal import termerror as termerror
from artstore.runtime.terminal import termlog as termlog
from artstore.runtime.terminal import termwarn as termwarn
from artstore.store import Store as Store
from artstore.tracking.active_run import AlertLevel as AlertLevel
from artstore.tracking.active_run import alert as alert
from artstore.tracking.active_run import define_metric as define_metric
from artstore.tracking.active_run import finish as finish
from artstore.tracking.active_run import finish_artifact as finish_artifact
from artstore.tracking.active_run import join as join
from artstore.tracking.active_run import link_artifact as link_artifact
from artstore.tracking.active_run import link_model as link_model
from artstore.tracking.active_run import log as log
from artstore.tracking.active_run import log_artifact as log_artifact
from artstore.tracking.active_run import log_code as log_code
from artstore.tracking.active_run import log_model as log_model
from artstore.tracking.active_run import login as login
from artstore.tracking.active_run import mark_preempting as mark_preempting
from artstore.tracking.active_run import require as require
from artstore.tracking.active_run import restore as restore
from artstore.tracking.active_run import save as save
from artstore.tracking.active_run import setup as setup
from artstore.tracking.active_run import teardown as teardown
from artstore.tracking.active_run import unwatch as unwatch
from artstore.tracking.active_run import upsert_artifact as upsert_artifact
from artstore.tracking.active_run import use_artifact as use_artifact
from artstore.tracking.active_run import use_model as use_model
from artstore.tracking.active_run import watch as watch
from artstore.tracking.api import Api as Api
from artstore.tracking.artifact import Artifact as Artifact
from artstore.tracking.artifact_state import ArtifactTTL as ArtifactTTL
from artstore.tracking.as_wandb import as_wandb as as_wandb
from artstore.tracking.config import Config as Config
from artstore.tracking.config import Summary as Summary
from artstore.tracking.init import init as init
from artstore.tracking.run import Run as Run
from artstore.tracking.settings import Settings as Settings
from artstore.tracking.sweeps import agent as agent
from artstore.tracking.sweeps import sweep as sweep

__version__: str

# Of the open run; without one, `run` is None, and using a key of the others raises `UsageError`.
run: Run | None
config: Config
summary: Summary

# W&B's modules, as far as code outside W&B imports from them.
apis: ModuleType
env: ModuleType
integration: ModuleType
sdk: ModuleType
sklearn: ModuleType
util: ModuleType
wandb_run: ModuleType
