"""Secrets in command lines, URIs and messages: which names they have, and how they are refused or hidden.

An option of a command line is secret if its name contains one of `SECRET_WORDS`, however it is written (`--api-key X`,
`--apiKey=X`, `token=X`): hiding too much costs nothing there. A parameter of a URI is secret if one of
`_SECRET_PARAMETERS` is its whole name: a reference with a secret is refused, so that list is exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from artstore.errors import SecretInUri

SECRET_WORDS = ("key", "token", "secret", "password", "passwd", "pwd", "credential", "auth", "signature", "sas")
_SECRET_PARAMETERS = "|".join(
    (
        *("access_token", "api_key", "api-key", "apikey", "auth_token", "authorization", "awsaccesskeyid", "bearer"),
        *("client_secret", "credential", "hmac", "id_token", "jwt", "key-pair-id", "passwd", "password"),
        *("private_token", "pwd", "refresh_token", "sas", "secret", "session_token", "sig", "sign", "signature"),
        *("token", "x-amz-[a-z-]+", "x-goog-[a-z-]+"),
    )
)
_HIDDEN = "***"

_OPTION = re.compile(rf"^(-{{0,2}}[\w.-]*(?:{'|'.join(SECRET_WORDS)})[\w.-]*)(=)?", re.IGNORECASE)
_OPTION_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s]+@", re.IGNORECASE)
_OPTION_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?]*)\?\S+", re.IGNORECASE)
_PARAMETER = re.compile(_SECRET_PARAMETERS, re.IGNORECASE)
_MESSAGE_PARAMETER = re.compile(rf"([?&;#](?:{_SECRET_PARAMETERS})=)[^&;#\s'\"<>]*", re.IGNORECASE)
_MESSAGE_USERINFO = re.compile(r"(//)[^/@\s'\"]+@")

_REASON = "it would be stored with the reference, and it expires"


def redacted_command(arguments: Iterable[str]) -> list[str]:
    """Return a command line with everything hidden that may be a secret.

    >>> redacted_command(["train.py", "--lr", "0.1", "--api-key", "abc", "s3://me:pw@host/data?sig=1"])
    ['train.py', '--lr', '0.1', '--api-key', '***', 's3://***@host/data?***']
    """
    shown: list[str] = []
    hide_next = False
    for argument in arguments:
        if hide_next and not argument.startswith("-"):
            shown.append(_HIDDEN)
            hide_next = False
            continue
        option = _OPTION.match(argument)
        hide_next = option is not None and argument.startswith("-") and not option[2]
        if option is not None and option[2]:
            shown.append(f"{option[1]}={_HIDDEN}")
        else:
            without_user = _OPTION_USERINFO.sub(rf"\1{_HIDDEN}@", argument)
            shown.append(_OPTION_QUERY.sub(rf"\1?{_HIDDEN}", without_user))
    return shown


def redacted_remote(url: str) -> str:
    """Return the URL of a git remote without its user, password and query.

    >>> redacted_remote("https://me:token@host/team/animals.git"), redacted_remote("git@host:team/animals.git")
    ('https://host/team/animals.git', 'host:team/animals.git')
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        # As scp writes it, or a path: only the part before the first slash can name a user.
        first, slash, path = url.partition("/")
        return first.rpartition("@")[2] + slash + path
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def redacted(message: object) -> str:
    """Return a library's or server's message with the secrets of every URI in it hidden.

    >>> redacted("cannot GET https://me:word@host/x?sig=abc&v=1")
    'cannot GET https://…@host/x?sig=…&v=1'
    """
    return _MESSAGE_PARAMETER.sub(r"\1…", _MESSAGE_USERINFO.sub(r"\1…@", str(message)))


def refuse_secrets(uri: str) -> None:
    """Raise `SecretInUri` if a URI holds a password, a signature or a token.

    The message names the parameter and never its value.
    """
    refuse_userinfo(uri)
    _, _, query = uri.partition("?")
    fragment = uri.partition("#")[2]
    for pair in re.split("[&;#]", query) + re.split("[&;]", fragment):
        name = unquote(pair.partition("=")[0])
        if "=" in pair and _PARAMETER.fullmatch(name):
            raise SecretInUri(
                f"the reference to {_address(uri)!r} has a secret in it, the parameter {name!r}: {_REASON}. "
                "Give the URI without it, and credentials through the environment or storage_options"
            )


def refuse_userinfo(uri: str) -> None:
    """Raise `SecretInUri` if a URI holds a user and a password before its host; over http also a user alone."""
    scheme, _, rest = uri.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    user, at, _ = authority.rpartition("@")
    if at and (":" in user or scheme.lower() in ("http", "https")):
        raise SecretInUri(
            f"the reference to {_address(uri)!r} has a user and password in it: {_REASON}. Give the URI without "
            "them, and credentials through the environment (~/.netrc for http) or storage_options"
        )


def _address(uri: str) -> str:
    """The scheme, host and path of a URI: the parts that may be shown."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri.partition("://")[0] + "://…"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
