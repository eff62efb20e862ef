"""`artstore demo`: run the verbs on a small example, as a user would type them."""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from artstore.cli import _options, verbs
from artstore.errors import Damaged
from artstore.tracking import location

TRAINING = """\
import artstore

with artstore.init(job_type="train", id="train-1", config={"epochs": 3}) as run:
    folder = run.use_artifact("animals:best").download()
    for epoch in range(run.config.epochs):
        run.log({"loss": 1 / (epoch + 1)})
    model = artstore.Artifact("classifier", type="model")
    with model.new_file("weights.txt") as file:
        file.write("0.25 0.75")
    run.log_artifact(model)
"""


@click.command("demo", epilog=_options.examples("artstore demo", "artstore demo --keep tour"))
@click.option("--keep", metavar="DIR", type=click.Path(path_type=Path), help="Run in DIR, new or empty, and keep it.")
def command(keep: Path | None) -> None:
    """Put a folder, change it, put it again, get both versions, train on one, delete one; print each step.

    Everything happens in a temporary folder, which is removed at the end. The commands shown are those that run.
    """
    if keep is None:
        with TemporaryDirectory(prefix="artstore-demo-") as folder:
            _run(Path(folder))
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise click.UsageError(f"{keep} exists and is not an empty folder: choose another.")
    keep.mkdir(parents=True, exist_ok=True)
    _run(keep)
    _say("everything is in {}: go there and try more", shlex.quote(str(keep)))


def _run(folder: Path) -> None:
    with chdir(folder), _no_other_folders():
        _tour(random.Random(0))


@contextmanager
def _no_other_folders() -> Iterator[None]:
    variables = (location.VARIABLE, "ARTSTORE_ARTIFACT_DIR", "WANDB_ARTIFACT_DIR")
    before = {name: os.environ.pop(name) for name in variables if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)


def _tour(chance: random.Random) -> None:
    animals = Path("animals")
    animals.mkdir()
    cat, dog, rat = (chance.randbytes(size) for size in (2_000_000, 1_000_000, 3_000_000))
    first = {"cat.jpg": cat, "dog.jpg": dog}
    _write(animals, first)
    click.echo("# animals/ holds cat.jpg (2 MB) and dog.jpg (1 MB)")
    _type("init")
    _type("put", "animals", "--name", "animals", "--type", "dataset")
    _say("putting the same files again makes no new version")
    _type("put", "animals", "--name", "animals")

    second = {"cat.jpg": cat[:1_000_000] + b"a whisker" + cat[1_000_000:], "dog.jpg": dog, "rat.jpg": rat}
    _write(animals, second)
    _say("9 bytes are inserted in the middle of cat.jpg, and rat.jpg (3 MB) is new")
    _type("put", "animals", "--name", "animals", "--alias", "best")
    _say("the collections, and the versions of one")
    _type("ls")
    _type("ls", "animals")
    _say("what changed, and the history; the exit code of diff is 1 where something differs")
    _type("diff", "animals:v0", "animals:v1", exit_code=1)
    _type("log", "animals")

    _say("both versions come back as they were put")
    _type("get", "animals:v0")
    _type("get", "animals:best", "--root", "best")
    _compare(Path("artifacts", "animals-v0" if os.name == "nt" else "animals:v0"), first)
    _compare(Path("best"), second)

    _say("a training run uses the best dataset and logs a model")
    _run_program("train.py", TRAINING)
    _say("which run made the model, and what it used")
    _type("show", "classifier")
    _type("show", "animals:best")

    _say("content that versions share is stored once: v1 owns only what is new in it")
    _type("du", "animals")
    _type("du")
    _say("deleting v0 frees immediately what only v0 needs: one piece of the old cat.jpg")
    _type("rm", "animals:v0", "--yes")
    _type("du", "animals")
    _type("du")
    _type("ls", "animals")
    _type("verify")


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _run_program(name: str, text: str) -> None:
    Path(name).write_text(text, encoding="utf-8")
    click.echo(f"$ cat {name}\n{text}$ python {name}")
    done = subprocess.run([sys.executable, name], check=False)
    if done.returncode:
        raise click.exceptions.Exit(done.returncode)


def _compare(folder: Path, files: dict[str, bytes]) -> None:
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    if written != files:
        raise Damaged(f"{folder} differs from what was put: please report this")


def _say(text: str, *values: str) -> None:
    click.echo(f"\n# {text.format(*values)}")


def _type(*arguments: str, exit_code: int = 0) -> None:
    click.echo(f"$ {shlex.join(['artstore', *arguments])}")
    code = verbs.main(list(arguments), prog_name="artstore", standalone_mode=False) or 0
    if code != exit_code:
        raise click.exceptions.Exit(code or 1)
