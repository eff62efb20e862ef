"""The attributes of W&B's runs for web pages and a server: here they are empty or local, or do nothing."""

from __future__ import annotations

import html
from typing import Any

from artstore.runtime.arguments import checked
from artstore.runtime.notebook import show as show_in_notebook
from artstore.tracking import notebook
from artstore.tracking.run_files import RunFiles
from artstore.tracking.settings import Settings


class RunStatus:
    """The progress of sending data to a server. A store has no server."""

    sync_items_total: int | None = None
    sync_items_pending: int | None = None
    sync_time: Any = None


@checked
class RunPage(RunFiles):
    """The part of `Run` that programs call because W&B has it, and that changes nothing."""

    @property
    def settings(self) -> Settings:
        """The settings of the run, by W&B's names; those that have no meaning here are None."""
        return Settings(
            entity=self.entity,
            project=self.project,
            run_id=self.id,
            run_name=self.name,
            run_group=self.group,
            run_job_type=self.job_type,
            run_notes=self.notes,
            run_tags=self.tags,
            mode="offline",
            _offline=True,
            files_dir=self.dir,
            root_dir=str(self._store.path),
            wandb_dir=str(self._store.path),
            sync_dir=self.dir,
            run_url="",
            project_url="",
        )

    _settings = settings

    @property
    def config_static(self) -> dict[str, Any]:
        """A copy of the config: changing it changes nothing."""
        return self.config.as_dict()

    @property
    def status(self) -> RunStatus:
        """The progress of sending data to a server: nothing is sent."""
        return RunStatus()

    @property
    def sync_dir(self) -> str:
        """The folder of the run."""
        return self.dir

    @property
    def sweep_id(self) -> str | None:
        """The id of the sweep that the run belongs to; None if it belongs to none."""
        return self._record.environment.get("sweep")

    @property
    def sweep_url(self) -> str | None:
        """None: a store has no web pages."""
        return None

    def get_url(self) -> str | None:
        """Return None: a store has no web pages."""
        return self.url

    def get_project_url(self) -> str | None:
        """Return None: a store has no web pages."""
        return self.url

    def get_sweep_url(self) -> str | None:
        """Return None: a store has no web pages."""
        return None

    def project_name(self) -> str:
        """Return the project of the run."""
        return self.project

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the run in the notebook that calls this; return False if there is none."""
        return show_in_notebook(self._repr_html_)

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """Return the run in a line of HTML."""
        return f"<p>artstore run <code>{html.escape(self.path)}</code></p>"

    def _repr_html_(self) -> str:
        # The store of a disabled run is removed at its end.
        if self._store.is_open:
            return notebook.run(self._store, self._store.runs.reload(self._record))
        record = self._record._replace(config=self.config.as_dict(), summary=dict(self.summary))
        return notebook.run(self._store, record)

    def pin_config_keys(self, keys: Any) -> None:
        """Do nothing. In W&B it chooses columns of a web page."""

    def write_logs(self, text: str) -> None:
        """Do nothing: the output of programs is not stored."""

    def _label(self, code: str | None = None, repo: str | None = None, **others: Any) -> None:
        """Do nothing. In W&B integrations say their names by it."""

    @property
    def _attach_id(self) -> str:
        return self.id
