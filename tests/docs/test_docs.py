"""Documents show what really happens, and everything that users see is documented."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from artstore import cli
from tests.support.environment import clear_environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
GENERATED = [path for path in DOCUMENTS if "[[[cog" in path.read_text(encoding="utf-8")]


def steps(session: str) -> list[tuple[str, str]]:
    """The commands of a console session, continued by `>`, each with the output that follows it."""
    sections = []
    for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        first, *rest = part.splitlines()
        more = [line for line in rest if line.startswith("> ")]
        sections.append(("\n".join([first, *(line[2:] for line in more)]), "\n".join(rest[len(more) :])))
    return sections


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with the commands of this environment on the path."""
    clear_environment(monkeypatch)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Of runs that a document makes, the time is not always the same.
_DURATIONS = re.compile(r"\d s\b|^duration .*\n?", re.MULTILINE)


@pytest.mark.parametrize("document", ["README.md", "docs/parallel.md", "docs/sweeps.md"])
def test_what_a_document_shows_is_what_happens(document: str, elsewhere: Path) -> None:
    """All sessions in their order: a later one goes on where an earlier one ended."""
    written = (ROOT / document).read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for language, session in re.findall(r"^```(console|pycon)\n(.*?)^```$", written, re.MULTILINE | re.DOTALL):
        if language == "console":
            run_console(steps(session))
        else:
            run_python(session, names)


def run_console(session: list[tuple[str, str]]) -> None:
    for command, expected in session:
        done = subprocess.run(
            ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        printed, shown = (_DURATIONS.sub("", text.rstrip("\n")) for text in (done.stdout, expected))
        assert (command, printed, done.returncode) == (command, shown, 0)


def run_python(session: str, names: dict[str, object]) -> None:
    test = doctest.DocTestParser().get_doctest(session, names, "session", "session", 0)
    printed: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=printed.append, clear_globs=False)
    names.update(test.globs)
    assert not printed, "".join(printed)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_help_with_an_example_and_is_documented(verb: str) -> None:
    output = CliRunner().invoke(cli.verbs, [verb, "--help"], prog_name="artstore").output
    assert f"    artstore {verb}" in output.partition("Examples:")[2]
    assert f"\n## artstore {verb}\n" in COMMANDS
    assert f"`{verb}`" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_module_of_the_command_line_is_a_verb_or_shared() -> None:
    modules = {path.stem for path in Path(cli.__file__).parent.glob("*.py")}
    assert modules - set(cli.VERBS) == {
        *(
            "__init__",
            "_committing",
            "_completion",
            "_findings",
            "_format",
            "_labels",
            "_open",
            "_options",
            "_run_plot",
            "_run_values",
        )
    }


def test_every_variable_that_is_read_is_documented() -> None:
    sources = [path for folder in ("artstore", "drivers") for path in (ROOT / folder).rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in sources]
    read = {name for text in texts for name in re.findall(r"\bARTSTORE_[A-Z_]*[A-Z]\b", text)}
    rows = re.findall(r"^\| (`ARTSTORE_[^|]+) \|", README, re.MULTILINE)
    assert read == {name for row in rows for name in re.findall("`(ARTSTORE_[A-Z_]+)`", row)}


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / "drivers" / "README.md"], ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_headings_lead_somewhere(document: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", document.read_text(encoding="utf-8")):
        path = document.parent / target if target else document
        headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in anchors, f"{target}#{anchor}"


@pytest.mark.parametrize("document", GENERATED, ids=lambda path: path.name)
def test_generated_parts_are_up_to_date(document: Path) -> None:
    """The help in docs/cli.md, the imports and modules in docs/architecture.md: `make docs` writes them."""
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    check = [sys.executable, "-m", "cogapp", "--check", "--diff", "--check-fail-msg=Run `make docs`.", str(document)]
    done = subprocess.run(check, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
