"""Pages."""

from __future__ import annotations

import os
from typing import Any

from artstore.data_types import content
from artstore.data_types.media import Media
from artstore.errors import InvalidInput

_STYLE = '<base target="_blank"><link rel="stylesheet" type="text/css" href="https://app.wandb.ai/normalize.css" />'


class Html(Media):
    """A page: HTML as text, the path of a file that ends in `.html`, or an open file.

    With `inject` W&B's style sheet is named in it, as W&B does. Raises `InvalidInput`.
    """

    _log_type = "html-file"
    _folder = "media/html"

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        is_path = isinstance(data, str | os.PathLike) and not data_is_not_path and _is_page(os.fspath(data))
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
            raise InvalidInput(f"a page is text, the path of a .html file or an open file, not {type(data).__name__}")
        super().__init__(content.InMemory((_styled(text) if inject else text).encode(), ".html"))

    @property
    def html(self) -> str:
        """The page."""
        return self.read().decode()


def _is_page(path: str) -> bool:
    return path.endswith(".html") and os.path.isfile(path)


def _styled(text: str) -> str:
    for tag, replaced in (("<head>", f"<head>{_STYLE}"), ("<html>", f"<html><head>{_STYLE}</head>")):
        if tag in text:
            return text.replace(tag, replaced, 1).strip()
    return (_STYLE + text).strip()
