"""HTML pages."""

from __future__ import annotations

import os
from typing import Any

from artstore.data_types import content
from artstore.data_types.media import Media
from artstore.errors import InvalidInput
from artstore.runtime.arguments import checked_values

_STYLE = '<base target="_blank"><link rel="stylesheet" type="text/css" href="https://app.wandb.ai/normalize.css" />'


@checked_values
class Html(Media):
    """An HTML page: HTML as a string, the path of a file that ends with `.html`, or an open text file.

    `inject` adds a link to W&B's style sheet, as W&B does. Raises `InvalidInput`.
    """

    _log_type = "html-file"
    _folder = "media/html"

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        is_path = isinstance(data, str | os.PathLike) and not data_is_not_path and _is_html_file(os.fspath(data))
        if is_path and not inject:
            super().__init__(content.from_path(data))
            return
        if is_path:
            with open(data, encoding="utf-8") as file:
                text = file.read()
        elif hasattr(data, "read"):
            text = data.read()
        else:
            text = data
        if not isinstance(text, str):
            raise InvalidInput(
                f"data must be HTML, the path of a .html file or an open text file, not {type(data).__name__}"
            )
        super().__init__(content.InMemory((_with_style(text) if inject else text).encode(), ".html"))

    @property
    def html(self) -> str:
        """The page."""
        return self.read().decode()


def _is_html_file(path: str) -> bool:
    return path.endswith(".html") and os.path.isfile(path)


def _with_style(text: str) -> str:
    for tag, replacement in (("<head>", f"<head>{_STYLE}"), ("<html>", f"<html><head>{_STYLE}</head>")):
        if tag in text:
            return text.replace(tag, replacement, 1).strip()
    return (_STYLE + text).strip()
