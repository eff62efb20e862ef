"""Secrets in URIs: known by their place, refused before anything is done, and taken out of what others say."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from artstore.errors import SecretInUri

_NAMES = (
    *("access_token", "api_key", "api-key", "apikey", "auth_token", "authorization", "awsaccesskeyid", "bearer"),
    *("client_secret", "credential", "hmac", "id_token", "jwt", "key-pair-id", "passwd", "password", "private_token"),
    *("pwd", "refresh_token", "sas", "secret", "session_token", "sig", "sign", "signature", "token"),
    *("x-amz-[a-z-]+", "x-goog-[a-z-]+"),
)
_SECRET = re.compile("|".join(_NAMES), re.IGNORECASE)
_IN_TEXT = re.compile(rf"([?&;#](?:{'|'.join(_NAMES)})=)[^&;#\s'\"<>]*", re.IGNORECASE)
_USERINFO_IN_TEXT = re.compile(r"(//)[^/@\s'\"]+@")
_REASON = "it would be written down with the reference, and it expires"


def refuse_secrets(uri: str) -> None:
    """Raise `SecretInUri` if a URI holds a password, a signature or a token.

    The message names where, and never what.
    """
    refuse_userinfo(uri)
    _, _, after = uri.partition("?")
    fragment = uri.partition("#")[2]
    for pair in re.split("[&;#]", after) + re.split("[&;]", fragment):
        name = unquote(pair.partition("=")[0])
        if "=" in pair and _SECRET.fullmatch(name):
            raise SecretInUri(
                f"the reference to {_place(uri)!r} has a secret in it, the parameter {name!r}: {_REASON}. "
                "Give the address without it, and credentials through the environment or storage_options"
            )


def refuse_userinfo(uri: str) -> None:
    """Raise `SecretInUri` if a URI holds a user and a password before its host; over http also without a password."""
    scheme, _, rest = uri.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    user, at, _ = authority.rpartition("@")
    if at and (":" in user or scheme.lower() in ("http", "https")):
        raise SecretInUri(
            f"the reference to {_place(uri)!r} has a user and password in it: {_REASON}. Give the address without "
            "them, and credentials through the environment (~/.netrc for http) or storage_options"
        )


def _place(uri: str) -> str:
    """The part of a URI that is no secret."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri.partition("://")[0] + "://…"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def redacted(text: object) -> str:
    """What somebody else said, with the secrets of any URI in it taken out.

    >>> redacted("cannot GET https://me:word@host/x?sig=abc&v=1")
    'cannot GET https://…@host/x?sig=…&v=1'
    """
    return _IN_TEXT.sub(r"\1…", _USERINFO_IN_TEXT.sub(r"\1…@", str(text)))
