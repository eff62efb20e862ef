"""3D objects from point clouds and files, and molecules."""

from __future__ import annotations

import io
import json
import os
from typing import Any, Self

from artstore.data_types import content, sketches
from artstore.data_types.media import Media
from artstore.errors import InvalidInput
from artstore.runtime.arguments import checked_values
from artstore.runtime.optional_imports import need

_FORMATS = ("pts.json", "obj", "gltf", "glb", "babylon", "stl")
_SCENE_TYPE = "lidar/beta"


@checked_values
class Object3D(Media):
    """A 3D object: a file, an array of points, or a scene of points, boxes and vectors.

    >>> artstore.Object3D(points)                     # n times 3, 4 (with a category) or 6 (with a color) numbers
    >>> artstore.Object3D({"type": "lidar/beta", "points": points, "boxes": boxes})

    Raises `SourceMissing` or `InvalidInput`.
    """

    _log_type = "object3D-file"
    _folder = "media/object3D"

    def __init__(self, data_or_path: Any, caption: str | None = None, *, file_type: str | None = None) -> None:
        if isinstance(data_or_path, str | os.PathLike):
            path = os.fspath(data_or_path)
            super().__init__(content.from_path(path, f".{_check_format(_format_of(path), path)}"), caption)
        elif hasattr(data_or_path, "read"):
            file_format = file_type or _format_of(content.name_of(data_or_path))
            suffix = f".{_check_format(file_format, 'file_type')}"
            data = data_or_path.read()
            super().__init__(content.InMemory(data.encode() if isinstance(data, str) else data, suffix), caption)
        else:
            document = _scene(data_or_path) if isinstance(data_or_path, dict) else _points(data_or_path)
            data = json.dumps(document, separators=(",", ":")).encode()
            super().__init__(content.InMemory(data, ".pts.json"), caption)

    def _sketch(self, data: bytes, suffix: str) -> str | None:
        return sketches.object3d(data, suffix, self._caption or "")

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Self:
        """Create an object from a path, or from an open file of a type."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Self:
        """Create an object from an array of points."""
        return cls(data)

    @classmethod
    def from_point_cloud(
        cls, points: Any, boxes: Any, vectors: Any = None, point_cloud_type: str = _SCENE_TYPE
    ) -> Self:
        """Create an object from points, boxes and vectors."""
        return cls({"type": point_cloud_type, "points": points, "boxes": boxes, "vectors": vectors or []})


@checked_values
def box3d(
    *,
    center: Any,
    size: Any,
    orientation: Any,
    color: Any,
    label: str | None = None,
    score: float | None = None,
) -> dict[str, Any]:
    """Return a 3D box for `Object3D.from_point_cloud`, by its center, its size, and its rotation as a quaternion.

    >>> box = artstore.box3d(center=(0, 0, 0), size=(1, 2, 1), orientation=(1, 0, 0, 0), color=(0.5, 0.5, 0.5))

    The color has three numbers from 0 to 1. Raises `InvalidInput`.
    """
    numpy = need("numpy", "a 3D box", "media")
    given = {"center": (center, 3), "size": (size, 3), "orientation": (orientation, 4)}
    arrays = {name: numpy.asarray(values, dtype=float) for name, (values, _) in given.items()}
    for name, (_, length) in given.items():
        if arrays[name].shape != (length,):
            raise InvalidInput(f"{name} of a box has {length} numbers, not the shape {list(arrays[name].shape)}")
    if not arrays["orientation"].any():
        raise InvalidInput("orientation is a quaternion other than 0: (1, 0, 0, 0) does not turn the box")
    signs = numpy.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
    corners = arrays["center"] + (0.5 * arrays["size"] * signs) @ _rotation(arrays["orientation"], numpy)
    return {
        "corners": tuple(tuple(corner) for corner in corners.tolist()),
        "color": color,
        "label": label,
        "score": score,
    }


def _rotation(quaternion: Any, numpy: Any) -> Any:
    """Return the matrix that a row is multiplied with, from the left, to turn it by a quaternion."""
    norm = numpy.sum(quaternion**2)
    real, axis = quaternion[0], quaternion[1:]
    x, y, z = axis
    cross = numpy.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned = (real**2 - axis @ axis) * numpy.eye(3) + 2 * numpy.outer(axis, axis) + 2 * real * cross
    return (turned / norm).T


def _format_of(path: str) -> str | None:
    return next((known for known in _FORMATS if path.endswith(known)), None)


def _check_format(file_format: str | None, where: str) -> str:
    if file_format not in _FORMATS:
        raise InvalidInput(f"{where} is not compatible with Object3D: supported types are {', '.join(_FORMATS)}")
    return file_format


def _to_list(values: Any) -> Any:
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _scene(scene: dict[str, Any]) -> dict[str, Any]:
    if scene.get("type") != _SCENE_TYPE:
        raise InvalidInput(
            f"Type not supported, only {_SCENE_TYPE!r} is currently supported, not {scene.get('type')!r}"
        )
    return {"type": _SCENE_TYPE, **{key: _to_list(scene.get(key, [])) for key in ("vectors", "points", "boxes")}}


def _points(data: Any) -> Any:
    array = need("numpy", "a 3D object from points", "media").asarray(data)
    if array.ndim != 2 or array.shape[1] not in (3, 4, 6) or array.dtype.kind not in "iuf":
        raise InvalidInput(
            f"points must be n times 3 numbers, 4 with a category or 6 with a color, not of shape {array.shape}"
        )
    return array.tolist()


@checked_values
class Molecule(Media):
    """A molecule: a file in a format of chemistry programs (`pdb`, `sdf`, `mol2`, ...), or an open file of one."""

    _log_type = "molecule-file"
    _folder = "media/molecule"
    SUPPORTED_TYPES = ("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf")

    def __init__(self, data_or_path: Any, caption: str | None = None, *, file_type: str | None = None) -> None:
        is_path = isinstance(data_or_path, str | os.PathLike)
        name = os.fspath(data_or_path) if is_path else content.name_of(data_or_path)
        file_format = (None if is_path else file_type) or os.path.splitext(name)[1][1:]
        if file_format not in self.SUPPORTED_TYPES:
            raise InvalidInput(f"Molecule only supports files of the type: {', '.join(self.SUPPORTED_TYPES)}")
        if is_path:
            super().__init__(content.from_path(data_or_path), caption)
            return
        data = data_or_path.read()
        super().__init__(content.InMemory(data.encode() if isinstance(data, str) else data, f".{file_format}"), caption)

    def _sketch(self, data: bytes, suffix: str) -> str | None:
        return sketches.molecule(data, suffix, self._caption or "")

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """Return a molecule of RDKit, or the one in a file that RDKit reads (`mol`, `mol2`, `pdb`, `sdf`), as PDB.

        By default hydrogens are added and coordinates computed. Raises `InvalidInput`, or `MissingLibrary` without
        RDKit.
        """
        chem = need("rdkit.Chem", "Molecule.from_rdkit", "molecules")
        more = need("rdkit.Chem.AllChem", "Molecule.from_rdkit", "molecules")
        molecule = _read_molecule(chem, data_or_path) if isinstance(data_or_path, str | os.PathLike) else data_or_path
        if not isinstance(molecule, chem.rdchem.Mol):
            raise InvalidInput(
                f"from_rdkit needs a file that RDKit can read, or a molecule of it, not {data_or_path!r}"
            )
        if convert_to_3d_and_optimize:
            molecule = chem.AddHs(molecule)
            more.EmbedMolecule(molecule)
            more.MMFFOptimizeMolecule(molecule, maxIters=mmff_optimize_molecule_max_iterations)
        return cls(io.StringIO(chem.MolToPDBBlock(molecule)), caption, file_type="pdb")

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """Return the molecule that a SMILES string describes. Raises what `from_rdkit` raises.

        >>> artstore.Molecule.from_smiles("CC(=O)Nc1ccc(O)cc1", caption="paracetamol")
        """
        molecule = need("rdkit.Chem", "Molecule.from_smiles", "molecules").MolFromSmiles(data, sanitize=sanitize)
        if molecule is None:
            raise InvalidInput(f"Unable to parse the SMILES string {data!r}")
        return cls.from_rdkit(molecule, caption, convert_to_3d_and_optimize, mmff_optimize_molecule_max_iterations)


def _read_molecule(chem: Any, path: str | os.PathLike[str]) -> Any:
    """Return the molecule in a file that RDKit reads; None if it cannot."""
    given = os.fspath(path)
    readers = {
        ".pdb": chem.MolFromPDBFile,
        ".mol": chem.MolFromMolFile,
        ".mol2": chem.MolFromMol2File,
        ".sdf": lambda name: next(iter(chem.SDMolSupplier(name)), None),
    }
    suffix = os.path.splitext(given)[1]
    if suffix not in readers:
        raise InvalidInput("Molecule.from_rdkit only supports files of the type: mol, mol2, pdb, sdf")
    if not os.path.isfile(given):
        raise InvalidInput(f"{given!r} is not a file: give the path of one")
    return readers[suffix](given)
