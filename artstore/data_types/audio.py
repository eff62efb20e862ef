"""Audio from files and from samples."""

from __future__ import annotations

import io
import os
import wave
from typing import Any

from artstore.data_types import content
from artstore.data_types.media import Media
from artstore.errors import InvalidInput
from artstore.runtime.arguments import checked_values
from artstore.runtime.optional_imports import need


@checked_values
class Audio(Media):
    """A sound: a file, or an array of samples from -1 to 1 (frames, or frames times channels).

    >>> artstore.Audio("bark.wav", caption="a dog")
    >>> artstore.Audio(samples, sample_rate=16_000)

    Samples are written as 16-bit WAV. Raises `SourceMissing` or `InvalidInput`.
    """

    _log_type = "audio-file"
    _folder = "media/audio"

    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None) -> None:
        if isinstance(data_or_path, str | os.PathLike):
            super().__init__(content.from_path(data_or_path), caption)
            return
        if sample_rate is None:
            raise InvalidInput('Argument "sample_rate" is required when instantiating Audio with raw data.')
        super().__init__(content.InMemory(_to_wav(data_or_path, sample_rate), ".wav"), caption)


def _to_wav(samples: Any, rate: int) -> bytes:
    numpy = need("numpy", "audio from samples", "media")
    array = numpy.asarray(samples)
    if array.ndim not in (1, 2) or array.dtype.kind not in "iuf":
        raise InvalidInput(
            f"samples must be an array of numbers, frames or frames times channels, not of shape {array.shape}"
        )
    if array.dtype != numpy.int16:
        scaled = numpy.rint(array.astype(float) * 32768)
        array = numpy.clip(scaled, -32768, 32767).astype(numpy.int16)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1 if array.ndim == 1 else array.shape[1])
        file.setsampwidth(2)
        file.setframerate(int(rate))
        file.writeframes(array.astype("<i2").tobytes())
    return buffer.getvalue()
