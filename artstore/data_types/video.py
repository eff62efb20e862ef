"""Videos."""

from __future__ import annotations

import io
import os
from typing import Any

from artstore.data_types import content
from artstore.data_types.media import Media
from artstore.errors import InvalidInput
from artstore.runtime.optional_imports import need

_FORMATS = ("gif", "mp4", "webm", "ogg")


class Video(Media):
    """A video: a file, bytes in an io object, or an array of frames, channels, height and width.

    >>> artstore.Video("walk.mp4", caption="a fox")
    >>> artstore.Video(frames, fps=10, format="gif")

    `format` (`gif`, `mp4`, `webm`, `ogg`) says what bytes are. Frames are written as `gif`. Raises `SourceMissing` or
    `InvalidInput`.
    """

    _log_type = "video-file"
    _folder = "media/videos"

    def __init__(
        self, data_or_path: Any, caption: str | None = None, fps: int | None = None, format: str | None = None
    ) -> None:
        if isinstance(data_or_path, str | os.PathLike):
            found = content.from_path(data_or_path)
            _check_format(found.suffix[1:].lower())
            super().__init__(found, caption)
        elif hasattr(data_or_path, "read"):
            super().__init__(content.InMemory(data_or_path.read(), f".{_check_format(format)}"), caption)
        else:
            if _check_format(format) != "gif":
                raise InvalidInput(f"frames can be written as gif, not as {format}: say format='gif', or give a file")
            super().__init__(content.InMemory(_as_gif(data_or_path, fps or 4), ".gif"), caption)


def _check_format(format: str | None) -> str:
    if format not in _FORMATS:
        raise InvalidInput(f"Video accepts the formats {', '.join(_FORMATS)}, not {format!r}")
    return format


def _as_gif(frames: Any, fps: int) -> bytes:
    numpy = need("numpy", "a video made of frames", "media")
    library = need("PIL.Image", "a video made of frames", "media")
    array = numpy.asarray(frames.numpy() if hasattr(frames, "numpy") else frames)
    if array.ndim != 4 or array.shape[1] not in (1, 3) or not len(array):
        raise InvalidInput(f"Video must be time, channels (1 or 3), height, width, and not of the shape {array.shape}")
    pictures = [library.fromarray(each.transpose(1, 2, 0).squeeze()) for each in array.astype(numpy.uint8)]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, format="GIF", save_all=True, append_images=pictures[1:], duration=round(1000 / fps), loop=0
    )
    return buffer.getvalue()
