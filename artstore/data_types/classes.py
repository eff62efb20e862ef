"""Classes: what the numbers in masks, boxes and labels mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from artstore.data_types.column_types import Anything, Const, Type, Union
from artstore.data_types.content import md5_name
from artstore.data_types.content_digest import md5
from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter, encode_document
from artstore.errors import InvalidInput


class Classes(DataObject):
    """Names for the ids of classes.

    >>> artstore.Classes([{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}])
    """

    _log_type = "classes"

    def __init__(self, class_set: Sequence[dict[str, Any]]) -> None:
        for each in class_set:
            if not isinstance(each, dict) or "id" not in each or "name" not in each:
                raise InvalidInput(
                    f"a class is a dict with 'id' and 'name', as in {{'id': 1, 'name': 'cat'}}: {each!r}"
                )
        self._class_set = list(class_set)

    def names(self) -> dict[Any, str]:
        """The name of each id."""
        return {each["id"]: each["name"] for each in self._class_set}

    def to_json(self, shelf: ObjectWriter) -> dict[str, Any]:
        return {"_type": self._log_type, "class_set": self._class_set}

    @classmethod
    def from_json(cls, document: Any, source: ObjectReader) -> Self:
        return cls(document["class_set"])

    def put(self, shelf: ObjectWriter, name: str) -> dict[str, Any]:
        """Put them on a shelf, for another object; return what that says of them."""
        data = encode_document(self.to_json(shelf))
        path = shelf.put_object(self, name)
        return {"type": "classes-file", "path": path, "digest": md5(data)}

    def get_type(self) -> ClassIds:
        """The type of a column that holds ids of these classes."""
        return ClassIds(tuple(tuple(each.items()) for each in self._class_set))

    def cell_type(self) -> Type:
        return self.get_type()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Classes) and self._class_set == other._class_set

    def __hash__(self) -> int:
        return hash(str(self._class_set))

    def __repr__(self) -> str:
        return f"Classes({self._class_set!r})"


@dataclass(frozen=True)
class ClassIds(Type):
    """Takes the ids of some classes."""

    name = "classesId"
    class_set: tuple[tuple[tuple[str, Any], ...], ...]

    @classmethod
    def of_json(cls, given: dict[str, Any], source: ObjectReader | None) -> Type:
        """The type that W&B wrote down, whose classes are in a file of the artifact or beside it."""
        classes = given["classes_obj"]
        if classes.get("type") == "classes-file":
            found = source.get(classes["path"]) if source else None
            return found.get_type() if isinstance(found, Classes) else Anything()
        return Classes(classes["class_set"]).get_type()

    def _classes(self) -> Classes:
        return Classes([dict(each) for each in self.class_set])

    def takes(self, value: Any) -> Type | None:
        return self if any(type(value) is type(each) and value == each for each in self._classes().names()) else None

    def parameters(self, shelf: ObjectWriter | None) -> dict[str, Any]:
        classes = self._classes()
        ids = Union.of(Const(each) for each in classes.names())
        if shelf is None:
            return {"valid_ids": ids.to_json(), "classes_obj": {"_type": "classes", "class_set": classes._class_set}}
        # W&B gives the classes of every column the same name, and then has those of one column only.
        data = encode_document(classes.to_json(shelf))
        name = "media/cls"
        if shelf.has(classes.with_suffix(name)) and not shelf.has_same(data, classes.with_suffix(name)):
            name = f"media/cls_{md5_name(data)}"
        return {"valid_ids": ids.to_json(shelf), "classes_obj": classes.put(shelf, name)}

    def __str__(self) -> str:
        return "Classesid(valid_ids:" + " or ".join(str(each) for each in self._classes().names()) + ")"
