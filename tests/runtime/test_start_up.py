"""Importing artstore and starting the command line load no heavy libraries before they are needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.programs import script_output

HEAVY = {
    *("aiohttp", "boto3", "botocore", "fsspec", "gcsfs", "google", "s3fs"),
    *("jinja2", "starlette", "uvicorn"),
    *("numpy", "pandas", "pyarrow"),
    *("google_crc32c", "xxhash", "zstandard"),
    *("artstore_drivers", "psutil", "rich", "sqlite3", "sqlite_utils"),
}


def loaded_modules(program: str, *arguments: str) -> set[str]:
    """Return the top-level names of the modules that are loaded at the end of a program."""
    print_modules = "import sys, atexit; atexit.register(lambda: print('\\n', *sys.modules))\n"
    printed = script_output(print_modules + program, *arguments)
    return {name.partition(".")[0] for name in printed.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "program", ["import artstore", "import artstore as wandb; wandb.errors.CommError", "import artstore; dir(artstore)"]
)
def test_the_package_loads_nothing_heavy(program: str) -> None:
    assert loaded_modules(program) & (HEAVY | {"blake3", "click"}) == set()


def test_attributes_of_the_package_without_a_run_load_nothing_heavy() -> None:
    assert loaded_modules("import artstore; assert artstore.run is None") & (HEAVY - {"sqlite3"}) == set()


def test_what_reads_and_writes_files_does_not_load_what_starts_processes() -> None:
    modules = loaded_modules("import artstore.ingest.files, artstore.checkout.download")
    assert modules & {"multiprocessing", "subprocess"} == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_the_help_of_the_command_line_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded_modules("from artstore.cli import main; main()", *arguments) & HEAVY == set()


def test_a_verb_that_opens_a_store_does_not_load_pandas(tmp_path: Path) -> None:
    modules = loaded_modules("from artstore.cli import main; main()", "init", str(tmp_path / "store"))
    assert "sqlite_utils" in modules and modules & {"numpy", "pandas"} == set()
    modules = loaded_modules("from artstore.cli import main; main()", "ls", "--store", str(tmp_path / "store"))
    assert modules & {"sqlite_utils", "numpy", "pandas"} == set()
