"""Histograms: how many values lie in each of a row of bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter
from artstore.errors import InvalidInput
from artstore.runtime.arguments import checked_values
from artstore.runtime.optional_imports import need


@checked_values
class Histogram(DataObject):
    """A histogram of a sequence of numbers, or one that `numpy.histogram` has made.

    >>> run.log({"weights": artstore.Histogram(weights)})
    >>> run.log({"weights": artstore.Histogram(np_histogram=numpy.histogram(weights, bins=20))})

    A sequence needs NumPy, and its numbers are counted in `num_bins` bins. Raises `InvalidInput`.
    """

    _log_type = "histogram"
    MAX_LENGTH = 512
    histogram: list[float]
    bins: list[float]

    def __init__(self, sequence: Any = None, np_histogram: Sequence[Any] | None = None, num_bins: int = 64) -> None:
        if num_bins > self.MAX_LENGTH:
            raise InvalidInput(f"num_bins must be at most {self.MAX_LENGTH}, not {num_bins}")
        if np_histogram is None:
            numpy = need("numpy", "a histogram of a sequence", "media")
            try:
                np_histogram = numpy.histogram(_to_array(sequence), bins=num_bins)
            except (TypeError, ValueError) as error:
                raise InvalidInput(f"cannot make a histogram of {type(sequence).__name__}: {error}") from error
        if len(np_histogram) != 2:
            raise InvalidInput("Expected np_histogram to be a tuple of (values, bin_edges) or sequence to be specified")
        self.histogram, self.bins = (_to_list(part) for part in np_histogram)
        if len(self.histogram) > self.MAX_LENGTH:
            raise InvalidInput(f"The maximum length of a histogram is {self.MAX_LENGTH}")
        if len(self.histogram) + 1 != len(self.bins):
            raise InvalidInput("len(bins) must be len(histogram) + 1")

    def to_json(self, writer: ObjectWriter) -> dict[str, Any]:
        return {"_type": self._log_type, "values": self.histogram, "bins": self.bins}

    @classmethod
    def from_json(cls, document: Any, reader: ObjectReader) -> Self:
        return cls(np_histogram=(document["values"], document["bins"]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and (self.histogram, self.bins) == (other.histogram, other.bins)

    __hash__ = None  # type: ignore[assignment]

    def _repr_html_(self) -> str:
        highest, width = max([*self.histogram, 0]) or 1, max(2, 320 // max(1, len(self.histogram)))
        heights = [100 * max(0, value) / highest for value in self.histogram]
        bars = "".join(
            f'<rect x="{number * width}" y="{100 - height:.1f}" width="{width - 1}" height="{height:.1f}"/>'
            for number, height in enumerate(heights)
        )
        between = f"{self.bins[0]:.5g} to {self.bins[-1]:.5g}"
        size = f'width="{width * len(heights)}" height="100"'
        return f'<figure><svg {size} fill="#4269d0">{bars}</svg><figcaption>{between}</figcaption></figure>'

    def __repr__(self) -> str:
        return f"<Histogram of {len(self.histogram)} bins>"


def _to_array(sequence: Any) -> Any:
    """Return a tensor of torch as an array; NumPy reads everything else."""
    return sequence.detach().cpu().float().numpy() if hasattr(sequence, "detach") else sequence


def _to_list(values: Any) -> list[float]:
    return values.tolist() if hasattr(values, "tolist") else list(values)
