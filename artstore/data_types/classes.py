"""The names of classes: what the ids in masks, boxes and labels mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from artstore.data_types.column_types import Anything, Const, Type, Union
from artstore.data_types.content import md5_base64, md5_name
from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter, encode_document
from artstore.errors import InvalidInput
from artstore.runtime.arguments import checked_values


@checked_values
class Classes(DataObject):
    """Names for the ids of classes.

    >>> artstore.Classes([{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}])
    """

    _log_type = "classes"

    def __init__(self, class_set: Sequence[dict[str, Any]]) -> None:
        for item in class_set:
            if not isinstance(item, dict) or "id" not in item or "name" not in item:
                raise InvalidInput(
                    f"a class is a dict with 'id' and 'name', as in {{'id': 1, 'name': 'cat'}}: {item!r}"
                )
        self._class_set = list(class_set)

    def names(self) -> dict[Any, str]:
        """Return a dict from ids to names."""
        return {item["id"]: item["name"] for item in self._class_set}

    def to_json(self, writer: ObjectWriter) -> dict[str, Any]:
        return {"_type": self._log_type, "class_set": self._class_set}

    @classmethod
    def from_json(cls, document: Any, reader: ObjectReader) -> Self:
        return cls(document["class_set"])

    def put(self, writer: ObjectWriter, name: str) -> dict[str, Any]:
        """Store the classes of another object; return how its document refers to them."""
        data = encode_document(self.to_json(writer))
        path = writer.put_object(self, name)
        return {"type": "classes-file", "path": path, "digest": md5_base64(data)}

    def get_type(self) -> ClassIds:
        """Return the type of a column that holds ids of these classes."""
        return ClassIds(tuple(tuple(item.items()) for item in self._class_set))

    def cell_type(self) -> Type:
        """Return the same type as `get_type`."""
        return self.get_type()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Classes) and self._class_set == other._class_set

    def __hash__(self) -> int:
        return hash(str(self._class_set))

    def __repr__(self) -> str:
        return f"Classes({self._class_set!r})"


@dataclass(frozen=True)
class ClassIds(Type):
    """Accepts the ids of some classes."""

    name = "classesId"
    class_set: tuple[tuple[tuple[str, Any], ...], ...]

    @classmethod
    def from_json(cls, parameters: dict[str, Any], reader: ObjectReader | None) -> Type:
        """Return the type that W&B wrote. The classes are in a file of the artifact, or in the document itself."""
        document = parameters["classes_obj"]
        if document.get("type") == "classes-file":
            classes = reader.get(document["path"]) if reader else None
            return classes.get_type() if isinstance(classes, Classes) else Anything()
        return Classes(document["class_set"]).get_type()

    def _classes(self) -> Classes:
        return Classes([dict(item) for item in self.class_set])

    def widen(self, value: Any) -> Type | None:
        ids = self._classes().names()
        return self if any(type(value) is type(class_id) and value == class_id for class_id in ids) else None

    def parameters(self, writer: ObjectWriter | None) -> dict[str, Any]:
        classes = self._classes()
        ids = Union.of(Const(class_id) for class_id in classes.names())
        if writer is None:
            return {"valid_ids": ids.to_json(), "classes_obj": {"_type": "classes", "class_set": classes._class_set}}
        # W&B gives the classes of all columns the same name, so only those of one column are kept.
        data = encode_document(classes.to_json(writer))
        name = "media/cls"
        if writer.has(classes.with_suffix(name)) and not writer.has_same(data, classes.with_suffix(name)):
            name = f"media/cls_{md5_name(data)}"
        return {"valid_ids": ids.to_json(writer), "classes_obj": classes.put(writer, name)}

    def __str__(self) -> str:
        return "Classesid(valid_ids:" + " or ".join(str(class_id) for class_id in self._classes().names()) + ")"
