"""`artstore demo`: the verbs at work in a store of their own, as a person would type them."""

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
@click.option(
    "--keep", metavar="DIR", type=click.Path(path_type=Path), help="Run in DIR, new or empty, and leave it there."
)
def command(keep: Path | None) -> None:
    """Put a folder, change it, put it again, get both back, train on it, delete one; with what each step prints.

    Everything happens in a folder of its own, which is removed at the end. The same code runs as if it were typed.
    """
    if keep is None:
        with TemporaryDirectory(prefix="artstore-demo-") as folder:
            _run(Path(folder))
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise click.UsageError(f"{keep} is there already, and not an empty folder: choose another.")
    keep.mkdir(parents=True, exist_ok=True)
    _run(keep)
    _say("all of it is in {}: go there and try more", shlex.quote(str(keep)))


def _run(folder: Path) -> None:
    with chdir(folder), _no_other_store():
        _tour(random.Random(0))


@contextmanager
def _no_other_store() -> Iterator[None]:
    before = os.environ.pop(location.VARIABLE, None)
    try:
        yield
    finally:
        if before is not None:
            os.environ[location.VARIABLE] = before


def _tour(chance: random.Random) -> None:
    animals = Path("animals")
    animals.mkdir()
    cat, dog, rat = (chance.randbytes(size) for size in (2_000_000, 1_000_000, 3_000_000))
    first = {"cat.jpg": cat, "dog.jpg": dog}
    _write(animals, first)
    click.echo("# animals/ holds cat.jpg (2 MB) and dog.jpg (1 MB)")
    _type("init")
    _type("put", "animals", "--name", "animals", "--type", "dataset")
    _say("the same again is the same version")
    _type("put", "animals", "--name", "animals")

    second = {"cat.jpg": cat[:1_000_000] + b"a whisker" + cat[1_000_000:], "dog.jpg": dog, "rat.jpg": rat}
    _write(animals, second)
    _say("cat.jpg gets 9 bytes more in its middle, and rat.jpg (3 MB) is new")
    _type("put", "animals", "--name", "animals", "--alias", "best")
    _say("what is there now")
    _type("ls")
    _type("ls", "animals")
    _say("what changed, and how it came to be; diff ends with 1 where something differs")
    _type("diff", "animals:v0", "animals:v1", ends_with=1)
    _type("log", "animals")

    _say("both come back as they were put")
    _type("get", "animals:v0")
    _type("get", "animals:best", "--root", "best")
    _compare(Path("artifacts", "animals-v0" if os.name == "nt" else "animals:v0"), first)
    _compare(Path("best"), second)

    _say("a training run uses the best dataset and logs a model")
    _run_program("train.py", TRAINING)
    _say("who made what, and from what")
    _type("show", "classifier")
    _type("show", "animals:best")

    _say("what the versions share is stored once: v1 owns only what is new in it")
    _type("du", "animals")
    _type("du")
    _say("deleting v0 frees at once what v1 does not need of it: a piece of cat.jpg as it was")
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
    got = {each.name: each.read_bytes() for each in folder.iterdir()}
    if got != files:
        raise Damaged(f"{folder} is not what was put: please report this")


def _say(text: str, *values: str) -> None:
    click.echo(f"\n# {text.format(*values)}")


def _type(*arguments: str, ends_with: int = 0) -> None:
    click.echo(f"$ {shlex.join(['artstore', *arguments])}")
    code = verbs.main(list(arguments), prog_name="artstore", standalone_mode=False) or 0
    if code != ends_with:
        raise click.exceptions.Exit(code or 1)
