"""What names a run and places it: the same for the process that runs it and for those who look at it."""

from __future__ import annotations

from artstore.core.names import LOCAL
from artstore.core.runs import RunRecord


class RunIdentity:
    """The part of a run that its record tells."""

    _record: RunRecord

    @property
    def id(self) -> str:
        """Its id, unique in its project."""
        return self._record.uid

    @property
    def project(self) -> str:
        """Its project."""
        return self._record.project

    @property
    def entity(self) -> str:
        """Always `local`: a store has one owner."""
        return LOCAL

    @property
    def group(self) -> str | None:
        """The group that it belongs to."""
        return self._record.group

    @property
    def job_type(self) -> str | None:
        """What kind of work it is, such as `train`."""
        return self._record.job_type

    @property
    def qualified_name(self) -> str:
        """`local/project/id`."""
        return self._record.qualified_name
