"""Videos from files, bytes and frames."""

from __future__ import annotations

import io
import os
from typing import Any

from artstore.data_types import content
from artstore.data_types.media import Media
from artstore.errors import InvalidInput
from artstore.runtime.arguments import checked_values
from artstore.runtime.optional_imports import need

_FORMATS = ("gif", "mp4", "webm", "ogg")


@checked_values
class Video(Media):
    """A video: a file, an open binary file, or an array of frames, channels, height and width.

    >>> artstore.Video("walk.mp4", caption="a fox")
    >>> artstore.Video(frames, fps=10, format="gif")

    `format` (`gif`, `mp4`, `webm`, `ogg`) is the format of an open file. Frames are written as `gif`. Raises
    `SourceMissing` or `InvalidInput`.
    """

    _log_type = "video-file"
    _folder = "media/videos"

    def __init__(
        self, data_or_path: Any, caption: str | None = None, fps: int | None = None, format: str | None = None
    ) -> None:
        if isinstance(data_or_path, str | os.PathLike):
            file = content.from_path(data_or_path)
            _check_format(file.suffix[1:].lower())
            super().__init__(file, caption)
        elif hasattr(data_or_path, "read"):
            super().__init__(content.InMemory(data_or_path.read(), f".{_check_format(format)}"), caption)
        else:
            if _check_format(format) != "gif":
                raise InvalidInput(f"frames can only be written as gif, not as {format}: pass format='gif', or a file")
            super().__init__(content.InMemory(_to_gif(data_or_path, fps or 4), ".gif"), caption)


def _check_format(format: str | None) -> str:
    if format not in _FORMATS:
        raise InvalidInput(f"Video accepts the formats {', '.join(_FORMATS)}, not {format!r}")
    return format


def _to_gif(frames: Any, fps: int) -> bytes:
    numpy = need("numpy", "a video from frames", "media")
    pillow = need("PIL.Image", "a video from frames", "media")
    array = numpy.asarray(frames.numpy() if hasattr(frames, "numpy") else frames)
    if array.ndim != 4 or array.shape[1] not in (1, 3) or not len(array):
        raise InvalidInput(f"Video must be time, channels (1 or 3), height, width, not of shape {array.shape}")
    pictures = [pillow.fromarray(frame.transpose(1, 2, 0).squeeze()) for frame in array.astype(numpy.uint8)]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, format="GIF", save_all=True, append_images=pictures[1:], duration=round(1000 / fps), loop=0
    )
    return buffer.getvalue()
