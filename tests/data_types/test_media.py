"""Images, sounds, videos, pages and 3D objects: their sources, their files in artifacts, and reading them back."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image as Pictures

import artstore
from artstore import Artifact, Audio, Classes, Html, Image, Molecule, Object3D, Table, Video
from artstore.data_types import BoundingBoxes2D, ImageMask, JoinedTable, PartitionedTable
from artstore.errors import InvalidInput, PathConflict, SourceChanged, SourceMissing, SourceUnreadable, WrongValue
from tests.support.roundtrip import log_objects, round_trip
from tests.support.servers import WebApp

pytestmark = pytest.mark.usefixtures("workdir")

PIXELS = numpy.arange(24, dtype="uint8").reshape(2, 4, 3)
MASK: dict[str, Any] = {
    "mask_data": numpy.array([[1, 2, 1, 1], [1, 1, 1, 3]]),
    "class_labels": {1: "cat", 2: "dog", 3: "fox"},
}
BOX: dict[str, Any] = {"position": {"middle": [1, 1], "width": 2, "height": 1}, "class_id": 1, "scores": {"sure": 0.5}}


@pytest.fixture
def picture(workdir: Path) -> Path:
    Pictures.fromarray(PIXELS).save(workdir / "cat.png")
    return workdir / "cat.png"


# Images


def test_an_image_is_made_of_a_file_an_array_or_a_picture(picture: Path) -> None:
    made = [Image(str(picture)), Image(picture), Image(PIXELS), Image(Pictures.fromarray(PIXELS)), Image(Image(PIXELS))]
    for image in made:
        stored = round_trip(image)
        assert (stored.width, stored.height, stored.format) == (4, 2, "png")
        assert stored.to_data_array() == PIXELS.tolist()
        assert stored == image == made[0]
    assert Image(PIXELS[:, :, 0]).image.mode == "L"
    assert Image(numpy.zeros((2, 2, 4))).image.mode == "RGBA"
    assert Image(numpy.zeros((2, 2, 4)), file_type="jpg").image.format == "JPEG"
    assert Image(PIXELS, caption="a") != Image(PIXELS, caption="b") != Image(PIXELS // 2, caption="b")


def test_an_image_of_a_tensor_or_a_figure_is_drawn() -> None:
    class Tensor:
        def detach(self) -> Tensor:
            return self

        cpu = detach

        def numpy(self) -> Any:
            return PIXELS.transpose(2, 0, 1)

    class Figure:
        def savefig(self, file: Any, format: str) -> None:
            Pictures.fromarray(PIXELS).save(file, format=format)

    assert Image(Tensor()) == Image(Figure()) == Image(PIXELS)


@pytest.mark.parametrize("shape", [(5, 6, 3), (5, 6, 1), (3, 5, 6), (1, 5, 6)])
def test_the_channels_of_a_tensor_are_first_unless_only_the_last_dimension_can_be_channels(
    shape: tuple[int, ...],
) -> None:
    class Tensor:
        def detach(self) -> Tensor:
            return self

        cpu = detach

        def numpy(self) -> Any:
            return numpy.zeros(shape, "uint8")

    assert Image(Tensor()).image.size == (6, 5)


def test_the_annotations_of_an_image_are_read_back(picture: Path) -> None:
    image = Image(picture, caption="asleep", grouping=2, masks={"truth": MASK}, boxes={"found": {"box_data": [BOX]}})
    stored = round_trip(image)
    assert stored.caption == "asleep" and stored == image
    assert stored._boxes["found"]._val == [BOX]
    assert (
        numpy.asarray(Pictures.open(io.BytesIO(stored._masks["truth"].read()))).tolist() == MASK["mask_data"].tolist()
    )
    assert stored._classes == Classes([{"id": id, "name": name} for id, name in MASK["class_labels"].items()])
    assert round_trip(stored) == stored


def test_the_grouping_of_an_image_is_an_integer(picture: Path) -> None:
    numbers: Any = numpy.zeros(3)
    with pytest.raises(WrongValue, match="grouping must be an integer or None, not ndarray"):
        Image(picture, grouping=numbers)


def test_an_image_of_a_file_keeps_its_bytes_once(picture: Path) -> None:
    artifact = log_objects(
        a=Image(picture), b=Image(picture, caption="again"), t=Table(columns=["i"], data=[[Image(picture)]])
    )
    images = [path for path in artifact.manifest.entries if path.startswith("media/")]
    assert len(images) == 1 and images[0].endswith("/cat.png")
    assert artifact.get("t").data[0][0].read() == picture.read_bytes()
    assert Path(artifact.get("a")._path).read_bytes() == picture.read_bytes()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Image("missing.png"), SourceMissing, "the file 'missing.png' does not exist"),
        (lambda: Image("text.png"), SourceUnreadable, "'text.png' cannot be read as an image"),
        (lambda: Image(numpy.zeros((2, 2, 5))), InvalidInput, r"Un-supported shape for image conversion \[2, 2, 5\]"),
        (lambda: Image(numpy.array([["a"]])), WrongValue, "an image is made of numbers"),
        (lambda: Image(PIXELS, file_type="gif"), InvalidInput, "file_type must be one of png"),
        (lambda: Image(PIXELS, boxes=[BOX]), InvalidInput, '"boxes" argument must be'),  # type: ignore[arg-type]
        (lambda: ImageMask({}, "k"), WrongValue, "needs 'mask_data'"),
        (lambda: ImageMask({"mask_data": numpy.zeros(3)}, "k"), WrongValue, "must be a 2D array"),
        (lambda: ImageMask({"mask_data": numpy.full((2, 2), 256)}, "k"), WrongValue, "integers between 0 and 255"),
        (lambda: ImageMask({"mask_data": numpy.full((2, 2), 0.5)}, "k"), WrongValue, "integers between 0 and 255"),
        (lambda: ImageMask({**MASK, "class_labels": {1: 2}}, "k"), WrongValue, "dictionary of numbers to strings"),
        (lambda: BoundingBoxes2D({}, "k"), WrongValue, "Boxes must be a list"),
        (lambda: BoundingBoxes2D({"box_data": [{}]}, "k"), WrongValue, "with a 'position'"),
        (lambda: BoundingBoxes2D({"box_data": [{"position": {"minX": 1}}]}, "k"), WrongValue, "middle, width"),
        (lambda: BoundingBoxes2D({"box_data": [{**BOX, "class_id": "1"}]}, "k"), WrongValue, "must be an integer"),
        (lambda: BoundingBoxes2D({"box_data": [{**BOX, "box_caption": 1}]}, "k"), WrongValue, "must be a string"),
        (lambda: BoundingBoxes2D({"box_data": [{**BOX, "scores": {"a": "b"}}]}, "k"), WrongValue, "names to numbers"),
        (lambda: Classes([{"id": 1}]), InvalidInput, "a dict with 'id' and 'name'"),
        (lambda: Audio([0.5]), InvalidInput, '"sample_rate" is required'),
        (lambda: Audio(numpy.zeros((1, 1, 1)), sample_rate=8), InvalidInput, "samples must be an array of numbers"),
        (lambda: Video("film.avi"), SourceMissing, "film.avi"),
        (lambda: Video("text.png"), InvalidInput, "accepts the formats gif, mp4, webm, ogg, not 'png'"),
        (lambda: Video(io.BytesIO(b"")), InvalidInput, "accepts the formats"),
        (lambda: Video(numpy.zeros((1, 3, 2, 2)), format="mp4"), InvalidInput, "as gif, not as mp4"),
        (lambda: Video(numpy.zeros((3, 2, 2)), format="gif"), InvalidInput, "time, channels"),
        (lambda: Html(5), InvalidInput, "data must be HTML"),
        (lambda: Object3D("text.png"), InvalidInput, "not compatible with Object3D"),
        (lambda: Object3D(numpy.zeros((2, 5))), InvalidInput, "points must be n times 3"),
        (lambda: Object3D({"type": "other"}), InvalidInput, "only 'lidar/beta'"),
        (lambda: Object3D(io.StringIO("x")), InvalidInput, "supported types"),
        (lambda: Molecule("text.png"), InvalidInput, "Molecule only supports"),
        (lambda: Molecule.from_rdkit("text.png"), InvalidInput, "only supports files of the type: mol, mol2, pdb"),
        (lambda: Molecule.from_rdkit("no.pdb"), InvalidInput, "'no.pdb' is not a file"),
        (lambda: Molecule.from_rdkit(3), InvalidInput, "a molecule of it, not 3"),
        (lambda: Molecule.from_smiles("C("), InvalidInput, "Unable to parse the SMILES string 'C\\('"),
    ],
)
def test_an_invalid_source_is_refused_with_the_valid_ones(
    workdir: Path, make: Callable[[], object], error: type[Exception], message: str
) -> None:
    (workdir / "text.png").write_text("text")
    with pytest.raises(error, match=message):
        make()


def test_molecules_come_from_smiles_and_from_files_of_chemistry(workdir: Path) -> None:
    water = Molecule.from_smiles("O", caption="water")
    artifact = Artifact("molecules", "dataset")
    entry = artifact.add(water, "water")
    assert entry.path == "water.molecule-file.json"
    with artstore.init() as run:
        run.log_artifact(artifact).wait()
    (path,) = Path(artifact.download()).rglob("*.pdb")
    assert path.read_text().count("HETATM") == 3
    again = Molecule.from_rdkit(path, convert_to_3d_and_optimize=False)
    assert isinstance(again, Molecule)


def test_an_image_with_a_mask_needs_classes_in_an_artifact(picture: Path) -> None:
    Pictures.fromarray(PIXELS[:, :, 0]).save("mask.png")
    artifact = Artifact("things", "dataset")
    with pytest.raises(InvalidInput, match="needs classes"):
        artifact.add(Image(picture, masks={"truth": {"path": "mask.png"}}), "item")


def test_a_file_that_changes_before_it_is_added_is_an_error_and_nothing_is_added(picture: Path) -> None:
    artifact = Artifact("things", "dataset")
    table = Table(columns=["image"], data=[[Image(PIXELS)], [Image(picture)]])
    picture.write_bytes(b"something else")
    with pytest.raises(SourceChanged, match="create the object again"):
        artifact.add(table, "item")
    assert len(artifact.manifest) == 0
    picture.unlink()
    with pytest.raises(SourceChanged):
        artifact.add(table, "item")


def test_dependent_objects_are_added_together_or_not_at_all() -> None:
    artifact = Artifact("things", "dataset")
    artifact.add(Html("<i>x</i>"), "item")
    before = artifact.manifest.digest()
    with pytest.raises(PathConflict):
        artifact.add(Html("<b>y</b>"), "item")
    assert artifact.manifest.digest() == before


def test_an_object_with_dependent_objects_can_be_overwritten(picture: Path) -> None:
    artifact = Artifact("things", "dataset")
    artifact.add(Image(picture, masks={"truth": MASK}), "item")
    artifact.add(Image(picture, masks={"truth": MASK}, caption="new", classes=[{"id": 9, "name": "owl"}]), "item", True)
    artifact.add(Table(columns=["i"], data=[[Image(picture)]]), "table")
    artifact.add(
        Table(columns=["i"], data=[[Image(picture, caption="new", masks={"t": MASK})]]), "table", overwrite=True
    )
    artifact.save()
    assert artifact.get("item").caption == artifact.get("table").data[0][0].caption == "new"


def test_an_object_that_is_overwritten_takes_its_files_away(picture: Path) -> None:
    artifact = Artifact("things", "dataset")
    artifact.add(Image(PIXELS), "item")
    artifact.add(Image(picture), "other")
    artifact.add(Image(picture, masks={"truth": MASK}), "item", overwrite=True)
    artifact.add(Image(picture), "item", overwrite=True)
    (file,) = [path for path in artifact.manifest.entries if path.startswith("media/")]
    assert sorted(artifact.manifest.entries) == ["item.image-file.json", file, "other.image-file.json"]
    artifact.add(Html("<b>"), "page")
    artifact.add(Html("<i>"), "page", overwrite=True)
    assert len(artifact.manifest.entries) == 5
    artifact.save()
    assert artifact.get("item").read() == artifact.get("other").read() == picture.read_bytes()


def test_an_object_of_the_base_that_is_overwritten_takes_its_files_away(picture: Path) -> None:
    table, same = (Table(columns=["i"], data=[[Image(PIXELS)], [Image(picture)]]) for _ in range(2))
    first = log_objects("things", table=table, pair=JoinedTable(same, Table(columns=["i"], data=[[1]]), "i"))
    draft = first.new_draft()
    draft.add(Image(picture), "picture")
    draft.add(Table(columns=["i"], data=[[1]]), "table", overwrite=True)
    # The joined table has both pictures.
    assert draft.manifest.entries.keys() > first.manifest.entries.keys()
    draft.add(Table(columns=["i"], data=[[1]]), "t1", overwrite=True)
    pictures = [path for path in draft.manifest.entries if path.startswith("media/images/")]
    assert len(pictures) == 1
    draft.save()
    assert draft.get("picture").read() == picture.read_bytes()
    assert first.get("table").data[0][0].image.size == (4, 2)


def test_the_type_of_an_open_file_is_that_of_its_name(tmp_path: Path) -> None:
    for name, kind in (("ship.obj", Object3D), ("cloud.pts.json", Object3D), ("water.pdb", Molecule)):
        path = tmp_path / name
        path.write_text("[[0, 0, 0]]")
        with path.open() as text, path.open("rb") as binary:
            assert kind(text).read() == kind(binary).read() == path.read_bytes()
    with (tmp_path / "ship.obj").open() as file:
        assert Molecule(file, file_type="pdb").read()
    (tmp_path / "notes.txt").write_text("x")
    with (tmp_path / "notes.txt").open() as file, pytest.raises(InvalidInput, match="supported types"):
        Object3D(file)


def test_overwriting_in_a_base_with_parquet_or_many_objects_takes_old_media_away(picture: Path) -> None:
    table = Table(columns=["n", "i"], data=[[1, Image(PIXELS)], [2, Image(picture)]])
    first = Artifact("things", "dataset")
    first.add(table, "big.table.parquet")
    first.add(Image(PIXELS), "one")
    first.add(Image(picture), "two")
    first.add_file(str(picture), "mine.table.parquet")
    (picture.parent / "many").mkdir()
    for number in range(1001):
        (picture.parent / "many" / f"{number}.html-file.json").write_text("{}")
    first.add_dir(str(picture.parent / "many"), "many")
    first.save()
    assert first.wait().version == "v0"

    def pictures(draft: Artifact) -> int:
        return sum(path.startswith("media/images/") for path in draft.manifest.entries)

    draft = first.new_draft()
    draft.add(Image(picture), "one", overwrite=True)
    assert pictures(draft) == 2, "the table in Parquet shows both"
    draft.add(Table(columns=["n"], data=[[1]]), "big.table.parquet", overwrite=True)
    assert pictures(draft) == 1
    draft.save()
    assert draft.wait().get("one").read() == draft.get("two").read() == picture.read_bytes()
    assert first.get("big").data[0][1].image.size == (4, 2)
    again = draft.new_draft()
    again.add(Html("x"), "page")
    for name in ("one", "two"):
        again.add(Image(PIXELS), name, overwrite=True)
    assert pictures(again) == 1 and "mine.table.parquet" in again.manifest.entries


def test_files_of_the_user_stay_when_an_object_is_overwritten(picture: Path) -> None:
    artifact = Artifact("things", "dataset")
    artifact.add(Image(picture), "item")
    (path,) = [path for path in artifact.manifest.entries if path.startswith("media/")]
    other = Artifact("others", "dataset")
    other.add_file(str(picture), path)
    other.add(Image(picture), "item")
    other.add(Image(PIXELS), "item", overwrite=True)
    assert path in other.manifest.entries


def test_what_an_overwrite_took_away_is_back_if_it_fails(picture: Path) -> None:
    artifact = Artifact("things", "dataset")
    artifact.add(Image(PIXELS), "item")
    before = artifact.manifest.digest()
    picture_object = Image(picture)
    picture.write_bytes(b"changed")
    with pytest.raises(SourceChanged):
        artifact.add(picture_object, "item", overwrite=True)
    assert artifact.manifest.digest() == before


# Sounds, videos, pages, 3D


def test_a_sound_of_samples_is_a_wav_file() -> None:
    samples = numpy.array([[0.0, 1.0], [0.5, -1.0]])
    sound = round_trip(Audio(samples, sample_rate=8000, caption="hum"))
    with wave.open(io.BytesIO(sound.read())) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (8000, 2, 2)
        assert numpy.frombuffer(file.readframes(2), "<i2").tolist() == [0, 32767, 16384, -32768]
    assert sound.caption == "hum"


def test_a_video_of_frames_is_a_gif() -> None:
    frames = numpy.stack([numpy.full((3, 2, 4), 60 * shade, "uint8") for shade in range(3)])
    stored = Pictures.open(io.BytesIO(round_trip(Video(frames, fps=10, format="gif")).read()))
    assert (stored.n_frames, stored.size, stored.info["duration"]) == (3, (4, 2), 100)  # type: ignore[attr-defined]


def test_a_page_is_text_a_file_or_an_open_file(workdir: Path) -> None:
    (workdir / "page.html").write_text("<head></head>é", encoding="utf-8")
    for source in ("page.html", workdir / "page.html"):
        assert round_trip(Html(source, inject=False)).html == "<head></head>é"
        assert "normalize.css" in round_trip(Html(source)).html
    assert round_trip(Html(io.StringIO("<p>"), inject=False)).html == "<p>"
    assert Html("page.html", inject=False, data_is_not_path=True).html == "page.html"


def test_a_3d_object_is_points_a_scene_or_a_file(workdir: Path) -> None:
    points = [[1.0, 2.0, 3.0]]
    assert json.loads(round_trip(Object3D(numpy.array(points))).read()) == points
    scene = Object3D.from_point_cloud(points, boxes=[{"label": "car"}])
    assert json.loads(round_trip(scene).read()) == {
        "type": "lidar/beta",
        "points": points,
        "boxes": [{"label": "car"}],
        "vectors": [],
    }
    (workdir / "ship.obj").write_text("v 1 2 3")
    assert round_trip(Object3D("ship.obj")).read() == b"v 1 2 3"
    assert round_trip(Object3D.from_file(io.StringIO("[[1,2,3]]"), "pts.json")).read() == b"[[1,2,3]]"


def test_an_object_from_an_artifact_is_added_to_another_without_a_copy(picture: Path) -> None:
    first = log_objects("first", item=Image(picture, caption="asleep"))
    second = log_objects("second", item=first.get("item"))
    assert second.get("item") == first.get("item")
    assert [dependency.name for dependency in second.dependencies()] == ["first:v0"]


def test_an_object_from_an_artifact_makes_a_dependency_even_without_files() -> None:
    left = log_objects("left", table=Table(columns=["id", "x"], data=[["a", 1]]))
    right = log_objects("right", table=Table(columns=["id", "y"], data=[["a", 2]]))
    joined = log_objects("both", pair=JoinedTable(left.get("table"), right.get_entry("table"), "id"))
    again = log_objects("again", table=left.get("table"))
    assert {dependency.name for dependency in joined.dependencies()} == {"left:v0", "right:v0"}
    assert [dependency.name for dependency in again.dependencies()] == ["left:v0"]
    assert joined.get("pair") == JoinedTable(left.get("table"), right.get("table"), "id")
    assert again.get("table") == left.get("table")


def test_a_changed_table_or_one_of_the_same_artifact_makes_no_dependency() -> None:
    first = log_objects("first", table=Table(columns=["n"], data=[[1]]))
    assert log_objects("first", table=first.get("table")).version == "v0"
    changed = first.get("table")
    changed.add_data(2)
    assert log_objects("second", table=changed).dependencies() == []
    draft = first.new_draft()
    draft.add(changed, "table", overwrite=True)
    draft.save()
    assert draft.wait().version == "v1"
    first.delete()


def test_a_partitioned_table_includes_its_parts(picture: Path) -> None:
    parts = [Table(columns=["n", "image"], data=[[n, Image(picture)]]) for n in range(2)]
    first = Artifact("first", "dataset")
    for number, part in enumerate(parts):
        first.add(part, f"parts/{number}")
    first.add(PartitionedTable("parts"), "all")
    first.save()
    first.wait()
    second = log_objects("second", again=first.get("all"))
    third = log_objects("third", pair=JoinedTable(second.get("again"), parts[0], "n"))
    for table in (second.get("again"), third.get("pair")._table1):
        assert [(row[0], row[1].image.size) for _, row in table.iterrows()] == [(0, (4, 2)), (1, (4, 2))]
    assert [dependency.name for dependency in second.dependencies()] == ["first:v0"]


def test_tables_of_the_same_name_in_two_artifacts_are_joined() -> None:
    left, right = (log_objects(name, rows=Table(columns=["id"], data=[[name]])) for name in ("left", "right"))
    joined = log_objects("both", pair=JoinedTable(left.get_entry("rows"), right.get_entry("rows"), "id")).get("pair")
    assert (joined._table1.data, joined._table2.data) == ([["left"]], [["right"]])


def test_the_entry_of_an_object_is_found_by_its_name(picture: Path) -> None:
    artifact = log_objects(seen=Image(picture), rows=Table(columns=["n"], data=[[1]]))
    assert artifact.get_entry("seen").path == "seen.image-file.json"
    assert artifact.get_entry("rows") == artifact.get_entry("rows.table.json")
    with pytest.raises(KeyError, match="Path not contained in artifact: nothing"):
        artifact.get_entry("nothing")


def test_classes_in_an_artifact_of_their_own_name_those_of_images(picture: Path) -> None:
    classes = log_objects("classes", animals=Classes([{"id": 1, "name": "cat"}])).get("animals")
    rows = log_objects("rows", seen=Table(columns=["image"], data=[[Image(picture, classes=classes)]]))
    assert rows.get("seen").data[0][0]._classes == classes


def test_classes_of_two_columns_stay_apart() -> None:
    table = Table(columns=["a", "b"], data=[[1, 7]])
    table.cast("a", Classes([{"id": 1, "name": "cat"}]).get_type())
    table.cast("b", Classes([{"id": 7, "name": "dog"}]).get_type())
    stored = round_trip(table)
    for column, value in (("a", 1), ("b", 7)):
        stored.cast(column, stored._types[column])
        other = [1, 7]
        other[0 if column == "a" else 1] = 8
        with pytest.raises(WrongValue, match=f"column '{column}'"):
            stored.add_data(*other)
        assert stored.get_column(column) == [value]


def test_boxes_and_masks_and_classes_can_be_added_by_themselves() -> None:
    boxes = BoundingBoxes2D({"box_data": [BOX]}, "found")
    artifact = log_objects(boxes=boxes, mask=ImageMask(MASK, "truth"), classes=Classes([{"id": 1, "name": "cat"}]))
    assert artifact.get("boxes") == boxes
    assert artifact.get("mask").read() == ImageMask(MASK, "truth").read()
    assert artifact.get("classes") == Classes([{"id": 1, "name": "cat"}])


# References


def test_an_image_of_a_uri_is_a_reference_and_read_from_there(picture: Path, web_app: WebApp) -> None:
    web_app.put("photos/cat.png", picture.read_bytes())
    uris = [picture.as_uri(), f"{web_app.url}/strong/photos/cat.png"]
    artifact = log_objects(seen=Table(columns=["image"], data=[[Image(uri, caption="asleep")] for uri in uris]))
    assert sorted(entry.ref for entry in artifact.manifest.entries.values() if entry.ref) == sorted(uris)
    for (image,) in artifact.get("seen").data:
        assert (image.caption, image.format, image.image.size) == ("asleep", "png", (4, 2))
        assert Path(image._path).read_bytes() == picture.read_bytes()
    assert (Image(uris[1]).image, Image(uris[1]).width) == (None, None)


def test_a_sound_and_a_video_of_a_uri_are_references(workdir: Path) -> None:
    (workdir / "bark.wav").write_bytes(b"RIFF")
    (workdir / "walk.mp4").write_bytes(b"mp4")
    bark, walk = (workdir / "bark.wav").as_uri(), (workdir / "walk.mp4").as_uri()
    artifact = log_objects(bark=Audio(bark), walk=Video(walk))
    assert {entry.ref for entry in artifact.manifest.entries.values()} == {None, bark, walk}
    assert (artifact.get("bark").read(), artifact.get("walk").read()) == (b"RIFF", b"mp4")


# Runs


def test_objects_logged_by_a_run_are_files_of_the_run(picture: Path) -> None:
    with artstore.init(project="animals", id="abc") as run:
        run.log({"one": Image(picture, caption="asleep"), "two": [Image(PIXELS), Html("<b>")]})
    public = artstore.Api().run("animals/abc")
    summary = public.summary
    with public.file(summary["one"]["path"]).download("files") as copy:
        assert Path(copy.name).read_bytes() == picture.read_bytes()
    assert {**summary["one"], "path": "", "sha256": ""} == {
        "_type": "image-file",
        "caption": "asleep",
        "format": "png",
        "width": 4,
        "height": 2,
        "path": "",
        "sha256": "",
    }
    assert [item["_type"] for item in summary["two"]] == ["image-file", "html-file"]
    assert {item["path"] for item in summary["two"]} < {file.name for file in public.files()}
