"""Tools of W&B that programs import from its internals: digests of files, and which kind of Python runs.

`wandb_modules` says under which name of W&B each of them is found.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import sys
from collections.abc import Iterator, MutableMapping
from typing import Any

from artstore.core.jsonable import to_jsonable
from artstore.core.names import DEFAULT_PROJECT
from artstore.data_types.content import md5_of

_PIECE = 1 << 20


def _pieces(paths: tuple[str | os.PathLike[str], ...]) -> Iterator[bytes]:
    for path in sorted(str(os.fspath(path)) for path in paths):
        with open(path, "rb") as file:
            while piece := file.read(_PIECE):
                yield piece


def md5_file_b64(*paths: str | os.PathLike[str]) -> str:
    """Return the MD5 of files, one after the other in the order of their paths, in base64."""
    return md5_of(_pieces(paths))


def md5_file_hex(*paths: str | os.PathLike[str]) -> str:
    """Return what `md5_file_b64` returns, in hexadecimal digits."""
    return b64_to_hex_id(md5_file_b64(*paths))


def md5_string(string: str) -> str:
    """Return the MD5 of a string in base64."""
    return base64.b64encode(hashlib.md5(string.encode(), usedforsecurity=False).digest()).decode()


def b64_to_hex_id(string: str) -> str:
    """Return a digest in base64 as hexadecimal digits."""
    return base64.standard_b64decode(string).hex()


def hex_to_b64_id(encoded_string: str | bytes) -> str:
    """Return a digest in hexadecimal digits in base64."""
    return base64.standard_b64encode(binascii.unhexlify(encoded_string)).decode()


def in_ipython() -> bool:
    """Return whether IPython runs this process, in a terminal or for a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def in_notebook() -> bool:
    """Return whether a notebook runs this process."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


in_jupyter = in_notebook


def set_project(value: str, env: MutableMapping[str, str] | None = None) -> None:
    """Set the project of runs in the environment."""
    (os.environ if env is None else env)["WANDB_PROJECT"] = value or DEFAULT_PROJECT


def set_entity(value: str, env: MutableMapping[str, str] | None = None) -> None:
    """Set the entity in the environment, where it has no meaning."""
    (os.environ if env is None else env)["WANDB_ENTITY"] = value


def json_dumps_safer(obj: Any, **more: Any) -> str:
    """Return a value as JSON; what JSON cannot represent is written as text."""
    return json.dumps(to_jsonable(obj), **more)


def is_numpy_array(obj: Any) -> bool:
    """Return whether a value is an array of NumPy, without importing that."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(obj, numpy.ndarray)
