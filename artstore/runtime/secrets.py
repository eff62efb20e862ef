"""What of command lines and remotes is not written down: values of options named like secrets, and what URLs carry.

An option counts as a secret if its name contains one of the words of `SECRETS`, however it is written: `--api-key X`,
`--apiKey=X`, `token=X`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SECRETS = ("key", "token", "secret", "password", "passwd", "pwd", "credential", "auth", "signature", "sas")
HIDDEN = "***"

_NAMED = re.compile(rf"^(-{{0,2}}[\w.-]*(?:{'|'.join(SECRETS)})[\w.-]*)(=)?", re.IGNORECASE)
_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s]+@", re.IGNORECASE)
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?]*)\?\S+", re.IGNORECASE)


def command(arguments: Iterable[str]) -> list[str]:
    """A command line without what could be a secret.

    >>> command(["train.py", "--lr", "0.1", "--api-key", "abc", "s3://me:pw@host/data?sig=1"])
    ['train.py', '--lr', '0.1', '--api-key', '***', 's3://***@host/data?***']
    """
    found: list[str] = []
    hide_next = False
    for argument in arguments:
        if hide_next and not argument.startswith("-"):
            found.append(HIDDEN)
            hide_next = False
            continue
        named = _NAMED.match(argument)
        hide_next = bool(named) and argument.startswith("-") and named is not None and not named[2]
        if named is not None and named[2]:
            found.append(f"{named[1]}={HIDDEN}")
        else:
            found.append(_QUERY.sub(rf"\1?{HIDDEN}", _USERINFO.sub(rf"\1{HIDDEN}@", argument)))
    return found


def remote(url: str) -> str:
    """Where a repository is fetched from, without who fetches it and without what its query carries.

    >>> remote("https://me:token@host/team/animals.git"), remote("git@host:team/animals.git")
    ('https://host/team/animals.git', 'host:team/animals.git')
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        # As scp writes it, or a path: only what is before the first slash can name a user.
        first, slash, path = url.partition("/")
        return first.rpartition("@")[2] + slash + path
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"
