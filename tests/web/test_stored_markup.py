"""Text that becomes markup if a page does not escape it, in every name and field that people choose."""

from __future__ import annotations

import html
import re
import struct
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import artstore
from artstore import Artifact, Table
from tests.support.environment import clear_environment
from tests.support.web_pages import Pages, serving

MARKUP = (
    "<i id=owned>",
    "\"'><script>owned()</script>",
    "</title></script></textarea><svg onload=owned()>",
    "'onfocus='owned()",
)
FOUND = re.compile(r"<i id=owned|<script>owned|<svg onload|[\"' ]onfocus='owned", re.IGNORECASE)
PATHS = (
    *("/", "/runs", "/runs?view=curves", "/runs?view=groups", "/runs?view=parallel", "/artifacts", "/registry"),
    *("/events", "/store", "/search?q=owned"),
)


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages of a store to which each example adds."""
    store = tmp_path_factory.mktemp("markup") / "store"
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        artstore.Store.init(store).close()
        with serving(store) as pages:
            yield pages


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), st.sampled_from(MARKUP))
def test_no_name_or_field_becomes_markup(growing: Pages, around: str, markup: str) -> None:
    text = f"{around}{markup}{around}"
    last = text.replace("/", "-")
    with artstore.init(
        project="p", name=text, notes=text, group=text[:120], job_type=text[:60], tags=[text[:60]],
        config={text: text, "lr": len(around)}, store=growing.store,
    ) as run:  # fmt: skip
        for step in range(2):
            run.log({text: step, "loss": step + len(around)})
        run.log({"histogram of " + text: artstore.Histogram([1, 2]), "page": artstore.Html(text)})
        artifact = Artifact("a", "data", description=text, metadata={text: [text]})
        artifact.add(Table(columns=[text, "b"], data=[[text, len(around)]]), "t")
        with artifact.new_file(f"{last}/{last}.txt") as file:
            file.write(text)
        version = run.log_artifact(artifact, tags=[re.sub(r"[^\w-]", "-", text)[:60] or "t"]).wait()
        version.link("wandb-registry-model/linked", aliases=[f"a{version.version}"])
    here, name = f"/artifacts/p/a/{version.version}", f"p/a:{version.version}"
    lineage = f"/lineage?of={name}&at=p/{run.id}"
    compared = f"/compare/versions?old=p/a:v0&new={name}"
    waiting = [*PATHS, here, f"/runs/p/{run.id}/overview", "/artifacts/p/a/versions", lineage, compared]
    for path in waiting:
        answer = growing.get(path)
        assert answer.status == 200, answer.text
        assert not FOUND.search(answer.text), path
        if path == here:
            waiting += [html.unescape(link) for link in re.findall(rf'href="({here}/file[^"]*)"', answer.text)]


def test_a_mask_that_claims_billions_of_pixels_is_refused(growing: Pages) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    with artstore.init(project="p", store=growing.store) as run:
        artifact = Artifact("bomb", "data")
        with artifact.new_file("mask.png", "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)))
        run.log_artifact(artifact).wait()
    answer = growing.get("/artifacts/p/bomb/v0/mask?path=mask.png")
    assert (answer.status, "is not a mask" in answer.text) == (400, True)
