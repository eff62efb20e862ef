"""The rule for secrets, by the table of cases in `secret_cases.json`: `S3CRET` must never be shown or stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artstore.drivers.session import Session
from artstore.errors import InvalidUri, SecretInUri
from artstore.runtime import secrets

CASES: dict[str, Any] = json.loads(Path(__file__).with_name("secret_cases.json").read_text())


@pytest.mark.parametrize("name", CASES["parameters"])
@pytest.mark.parametrize("uri", ["https://host/x?a=1&{}=S3CRET", "lake://host/x;{}=S3CRET", "https://host/x#{}=S3CRET"])
def test_a_uri_with_a_secret_parameter_is_refused_by_its_name(name: str, uri: str) -> None:
    with Session() as session, pytest.raises(SecretInUri, match="parameter") as caught:
        list(session.references(uri.format(name), name="x"))
    assert "S3CRET" not in str(caught.value) and "storage_options" in str(caught.value)


@pytest.mark.parametrize("name", CASES["harmless parameters"])
def test_a_uri_with_another_parameter_is_taken(name: str) -> None:
    secrets.refuse_secrets(f"https://host/x?a=1&{name}=5")


@pytest.mark.parametrize("uri", CASES["refused URIs"])
def test_a_uri_with_a_secret_is_refused_and_not_shown(uri: str) -> None:
    with Session() as session, pytest.raises(SecretInUri) as caught:
        list(session.references(uri, name="x"))
    assert "S3CRET" not in str(caught.value) and "storage_options" in str(caught.value)


@pytest.mark.parametrize("uri", CASES["invalid URIs"])
def test_an_invalid_uri_with_a_secret_is_not_shown(uri: str) -> None:
    with Session() as session, pytest.raises((InvalidUri, SecretInUri)) as caught:
        list(session.references(uri, name="x"))
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize("uri", CASES["harmless URIs"])
def test_a_uri_without_a_secret_is_taken(uri: str) -> None:
    secrets.refuse_secrets(uri)


@pytest.mark.parametrize(("arguments", "recorded"), CASES["command lines"])
def test_a_command_line_is_recorded_without_secrets(arguments: list[str], recorded: list[str]) -> None:
    assert secrets.redacted_command(["train.py", *arguments]) == ["train.py", *recorded]


@pytest.mark.parametrize(("remote", "recorded"), CASES["remotes"])
def test_a_remote_is_recorded_without_secrets(remote: str, recorded: str) -> None:
    assert secrets.redacted_remote(remote) == recorded


@pytest.mark.parametrize(("message", "told"), CASES["messages"])
def test_a_message_of_a_library_is_told_without_secrets(message: str, told: str) -> None:
    assert secrets.redacted(message) == told


@pytest.mark.parametrize("word", secrets.SECRET_WORDS)
def test_every_word_marks_a_secret_in_any_spelling(word: str) -> None:
    for name in (word, f"--my-{word.upper()}", f"{word}s", f"my{word.capitalize()}", f"+a.{word}_b"):
        assert secrets.is_secret(name), name


def test_the_program_itself_is_shown_whatever_its_name_is() -> None:
    assert secrets.redacted_command(["token", "data"]) == ["token", "data"]
