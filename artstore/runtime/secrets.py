"""Secrets in command lines, URIs and messages: which names they have, and how they are refused or hidden.

One rule decides, and `docs/secrets.md` states it: a name is that of a secret if one of its words is one of
`SECRET_WORDS`, however the name is written (`api_key`, `apiKey`, `+aws.api-key`, `api%5Fkey`). Parameters of URIs are
secret by `URI_NAMES` and `URI_PREFIXES` as well, because there they sign or open a session. A URI with a secret is
refused; on a command line a secret is hidden, and too much is hidden rather than too little.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from artstore.errors import SecretInUri
from artstore.runtime.arguments import checked

SECRET_WORDS = (
    *("accesskey", "accesskeyid", "apikey", "auth", "authorization", "bearer", "cookie", "cred", "credential", "hmac"),
    *("jwt", "key", "oauth", "pass", "passcode", "passphrase", "passwd", "password", "privatekey", "pw", "pwd", "sas"),
    *("secret", "secretkey", "sig", "sign", "signature", "token"),
)
"""Words that mark a name as that of a secret, also in the plural. One of five letters or more may end a longer word."""
URI_NAMES = ("code", "hdnea", "hdntl", "hdnts", "jsessionid", "phpsessid", "session", "sessionid", "sid")
"""Whole names of secret parameters in URIs, without `-` and `_`."""
URI_PREFIXES = ("x-amz-", "x-goog-")
"""How the names of parameters begin that sign a URI."""
SHORT_OPTIONS = ("-p", "-u")
"""Options of one letter that are followed by a password, or by a user and a password."""
_ONE_OWNER = ("http", "https", "s3", "s3a", "gs", "gcs")
"""Schemes whose URIs name no user: one that stands before the host is a secret by itself."""
_HIDDEN = "***"
_MOST_ENCODINGS = 5

_SHORT = "|".join(word for word in SECRET_WORDS if len(word) < 5)
_LONG = "|".join(word for word in SECRET_WORDS if len(word) >= 5)
_SECRET_WORD = re.compile(f"(?:{_SHORT}|[a-z]*(?:{_LONG}))s?")
_WORD = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LETTERS = re.compile("[A-Za-z]+")

_SCHEME = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]*:)?/*")
_NESTED_USER = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#&\s]*)@")
_HOST = re.compile(r"[\w.~\-]*(?::[0-9]*)?|\[[0-9A-Fa-f:.]+\](?::[0-9]*)?")

_ASSIGNMENT = re.compile(r"([\w.%\-\[\]]+)\\?[\"']?\s*[=:]")
_BARE_NAME = re.compile(r"[\w.\-]+")
_URL_USER = re.compile(r"(\b[a-z][a-z0-9+.\-]*:)?//\S*@|[^\s\"'=,/]*:[^\s\"']*@", re.IGNORECASE)
_URL_QUERY = re.compile(r"(\b[a-z][a-z0-9+.\-]*://[^\s?#;]*[?#;])\S+", re.IGNORECASE)
_SCHEME_OF_VALUE = re.compile(r"(\b(?:bearer|basic|digest)\s+)\S+", re.IGNORECASE)

_MESSAGE_PARAMETER = re.compile(r"([?&;#]([^\s?&;#=]{1,200})=)[^&;#\s'\"<>]*")
_MESSAGE_USER = re.compile(r"(//)[^/\s'\"]+@")

_REASON = "it would be stored with the reference, and it expires"


def is_secret(name: str) -> bool:
    """Whether a name is that of a secret, by the words in it.

    >>> is_secret("--hfToken"), is_secret("aws.secret_key"), is_secret("tokenizer"), is_secret("monkey")
    (True, True, False, False)
    """
    name = _decoded(name)
    words = [*_WORD.findall(name), *_LETTERS.findall(name)]
    return any(_SECRET_WORD.fullmatch(word.lower()) for word in words)


def is_secret_parameter(name: str) -> bool:
    """Whether a parameter of a URI is a secret: by its words, or because it signs a URI or names a session."""
    plain = _decoded(name).strip().lower()
    return (
        plain.startswith(URI_PREFIXES)
        or plain.replace("-", "").replace("_", "") in URI_NAMES
        or is_secret(name.strip())
    )


def redacted_command(arguments: Iterable[str]) -> list[str]:
    """Return a command line with everything hidden that may be a secret.

    >>> redacted_command(["train.py", "--lr", "0.1", "--api-key", "abc", "s3://me:pw@host/data?sig=1"])
    ['train.py', '--lr', '0.1', '--api-key', '***', 's3://***@host/data?***']
    """
    shown: list[str] = []
    hide = False
    for number, argument in enumerate(arguments):
        value_follows = number > 0 and _is_secret_option(argument)
        shown.append(_HIDDEN if hide else argument if value_follows else _redacted_argument(argument))
        hide = value_follows
    return shown


def _is_secret_option(argument: str) -> bool:
    """Whether an argument is the name of a secret, so that the next argument is the secret itself."""
    return argument in SHORT_OPTIONS or (_BARE_NAME.fullmatch(argument) is not None and is_secret(argument))


def _redacted_argument(argument: str) -> str:
    short = argument[:2]
    if short in SHORT_OPTIONS:
        return short + _HIDDEN
    text = _URL_QUERY.sub(rf"\1{_HIDDEN}", argument)
    text = _URL_USER.sub(lambda user: f"{user[1] or ''}{'//' if '//' in user[0] else ''}{_HIDDEN}@", text)
    text = _SCHEME_OF_VALUE.sub(rf"\1{_HIDDEN}", text)
    for name in _ASSIGNMENT.finditer(text):
        if is_secret(name[1]):
            return text[: name.end()] + _HIDDEN
    return text


def redacted_remote(url: str) -> str:
    """Return the URL of a git remote without its user, password, query and fragment.

    >>> redacted_remote("https://me:token@host/team/animals.git"), redacted_remote("git@host:team/animals.git")
    ('https://host/team/animals.git', 'host:team/animals.git')

    Of an address for a helper of git, only the name of the helper is left, unless the address is a URL.
    """
    helper, separator, address = url.partition("::")
    if separator and _BARE_NAME.fullmatch(helper):
        return f"{helper}::{redacted_remote(address) if '://' in address else ''}"
    scheme = re.match(r"(?:[A-Za-z][A-Za-z0-9+.\-]*:)?//", url)
    start = "" if scheme is None else scheme[0]
    rest = re.split("[?#;]", url[len(start) :], maxsplit=1)[0]
    if not start and rest.startswith(("/", ".")):
        return rest
    # As scp writes it, the host ends at a colon, and a path follows.
    host, slash, path = rest.partition("/")
    user, _, plain_host = host.rpartition("@")
    if start and not user and not _HOST.fullmatch(host):
        # A password with a slash in it.
        return start + _decoded(rest).rpartition("@")[2] if "@" in _decoded(rest) else start
    return start + plain_host + slash + path


@checked
def redacted(message: object) -> str:
    """Return a library's or server's message with the secrets of every URI in it hidden.

    >>> redacted("cannot GET https://me:word@host/x?sig=abc&v=1")
    'cannot GET https://…@host/x?sig=…&v=1'
    """

    def hidden(parameter: re.Match[str]) -> str:
        return parameter[1] + "…" if is_secret_parameter(parameter[2]) else parameter[0]

    text = _MESSAGE_USER.sub(r"\1…@", str(message))
    return _SCHEME_OF_VALUE.sub(r"\1…", _MESSAGE_PARAMETER.sub(hidden, text))


@checked
def shown(uri: object) -> str:
    """Return a URI as an error shows it that refuses the URI: without query, and nothing before its last `@`.

    >>> shown("https:/me:pa/ss@host/x?y=1")
    'https:/…@host/x?…'
    """
    text = str(uri)
    scheme = _SCHEME.match(text)
    start = scheme[0] if scheme else ""
    rest = text[len(start) :]
    if "@" in rest:
        rest = "…@" + rest.rpartition("@")[2]
    elif "@" in _decoded(rest):
        return start + "…"
    where = re.match(r"[^?#;]*[?#;]?", rest)
    kept = where[0] if where else ""
    return start + kept + ("…" if len(kept) < len(rest) else "")


@checked
def refuse_secrets(uri: str) -> None:
    """Raise `SecretInUri` if a URI holds a password, a signature or a token.

    The message names the parameter and never its value.
    """
    refuse_userinfo(uri)
    for text in _decodings(uri):
        scheme = _SCHEME.match(text)
        rest = text[scheme.end() if scheme else 0 :]
        for pair in re.split("[?&;#]", rest)[1:]:
            name, equals, _ = pair.partition("=")
            if equals and is_secret_parameter(name):
                raise SecretInUri(
                    f"the reference to {shown(uri)!r} has a secret in it, the parameter {name!r}: {_REASON}. "
                    "Give the URI without it, and credentials through the environment or storage_options"
                )


@checked
def refuse_userinfo(uri: str) -> None:
    """Raise `SecretInUri` if a URI, or one inside it, holds a user and a password before its host.

    Where URIs have no users (http, S3 and Google), a user alone is refused as well.
    """
    if any(_has_password(text) for text in _decodings(uri)):
        raise SecretInUri(
            f"the reference to {shown(uri)!r} has a user and password in it: {_REASON}. Give the URI without "
            "them, and credentials through the environment (~/.netrc for http) or storage_options"
        )


def _has_password(uri: str) -> bool:
    start = _SCHEME.match(uri)
    scheme = start[0].partition(":")[0].lower() if start else ""
    rest = uri[start.end() if start else 0 :]
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    user, at, host = authority.rpartition("@")
    # Without slashes, what looks like a scheme may be the user.
    without_slashes = start is not None and start[0].endswith(":")
    if at and (":" in user or scheme in _ONE_OWNER or without_slashes):
        return True
    if ":" in host and "@" in rest and not _HOST.fullmatch(host):
        # A password with a slash in it.
        return True
    nested = _NESTED_USER.finditer(rest)
    return any(":" in user or inner.lower() in _ONE_OWNER for inner, user in (found.groups() for found in nested))


def _decodings(text: str) -> Iterator[str]:
    """Yield a text, and what it becomes when its percent-escapes are decoded again and again."""
    for _ in range(_MOST_ENCODINGS):
        yield text
        decoded = unquote(text)
        if decoded == text:
            return
        text = decoded


def _decoded(text: str) -> str:
    *_, last = _decodings(text)
    return last
