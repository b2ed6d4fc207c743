"""Products: frozen dataclasses of columns that an event carries and a file stores."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from eventproc.errors import LogicError


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """One column of a product.

    Attributes:
        name: the field's name.
        dtype: a numpy dtype name such as ``float32``, or ``str`` for a tuple of strings.
        axis: columns with the same axis have the same length in an event; "" is the product's own axis
            and None means exactly one value per event.
        unit: "" for GeV, radians and counts.
        doc: one sentence.
    """

    name: str
    dtype: str
    axis: str | None = ""
    unit: str = ""
    doc: str = ""


EQUAL, SUM, CONCATENATE = "equal", "sum", "concatenate"

ProductSchema = tuple[ColumnSchema, ...]


def column(dtype: Any, *, axis: str | None = "", unit: str = "", doc: str = "") -> Any:
    """A dataclass field of a product; see ColumnSchema for what the arguments mean."""
    name = "str" if dtype is str else np.dtype(dtype).name
    return dataclasses.field(metadata={"column": (name, axis, unit, doc)})


@dataclass(frozen=True, slots=True)
class Product:
    """Base of all products. A subclass is ``@dataclass(frozen=True, slots=True)`` with `column` fields.

    Each field is a one-dimensional numpy array (a tuple of str where the dtype is ``str``); fields on one
    axis share their length. A product of zero rows is as good as any other.
    """

    type_name: ClassVar[str] = ""

    merging: ClassVar[str] = EQUAL
    """What becomes of several products of one branch and one run or luminosity block: made in several
    processes or jobs, or when a luminosity block comes up again. ``equal`` products are one, different ones
    an error; with ``sum`` columns are added row by row; with ``concatenate`` rows follow each other.
    """

    def __init_subclass__(cls) -> None:
        taken = sorted(_METHODS & inspect.get_annotations(cls).keys())
        if taken:
            message = (
                f"product {cls.__name__}: a column cannot be called {taken[0]!r}: every product has that"
            )
            raise LogicError(message)

    @classmethod
    @functools.cache
    def schema(cls) -> ProductSchema:
        """The columns of this product type, in the order of their definition."""
        return tuple(
            ColumnSchema(field.name, *field.metadata["column"])
            for field in dataclasses.fields(cls)
            if "column" in field.metadata
        )

    @classmethod
    def name(cls) -> str:
        """The name of the type in branch names and files."""
        return cls.type_name or cls.__name__

    @classmethod
    def empty(cls) -> Self:
        """A product of no rows; a column of one value per event is zero or an empty string."""
        return cls(**{c.name: _default(c) for c in cls.schema()})

    def __len__(self) -> int:
        """Rows on the product's own axis."""
        for c in self.schema():
            if c.axis == "":
                return len(getattr(self, c.name))
        return 1

    def check(self) -> None:
        """Checks that each column has its declared dtype and that columns of one axis agree in length.

        uproot would cast silently; a wrong dtype must not get that far.

        Raises:
            LogicError: a column is of another type, not one-dimensional, or of another length.
        """
        lengths: dict[str | None, int] = {None: 1}
        for name, dtype, axis in self._checked():
            value = getattr(self, name)
            if dtype is None:
                fits = isinstance(value, tuple)
            else:
                fits = isinstance(value, np.ndarray) and value.dtype == dtype and value.ndim == 1
            if not fits or lengths.setdefault(axis, len(value)) != len(value):
                raise LogicError(self._complaint(name))

    @classmethod
    @functools.cache
    def _checked(cls) -> tuple[tuple[str, np.dtype[Any] | None, str | None], ...]:
        """Name, element type (None for strings) and axis of each column."""
        return tuple((c.name, None if c.dtype == "str" else np.dtype(c.dtype), c.axis) for c in cls.schema())

    def _complaint(self, wrong: str) -> str:
        """What is wrong with a column that is."""
        columns = {c.name: c for c in self.schema()}
        c, value = columns[wrong], getattr(self, wrong)
        if not _has_dtype(value, c.dtype):
            found = f"{value.dtype.name}, {value.ndim}-d" if hasattr(value, "dtype") else type(value).__name__
            return f"{self.name()}.{wrong} is {found}; it must be a one-dimensional column of {c.dtype}"
        first_name, first = "one value per event", 1
        if c.axis is not None:
            first_name = next(other.name for other in columns.values() if other.axis == c.axis)
            first = len(getattr(self, first_name))
        return f"{self.name()}.{wrong} has {len(value)} rows but {first_name} has {first}"


_METHODS = frozenset(name for name in vars(Product) if not name.startswith("_")) - {"type_name", "merging"}


def _default(c: ColumnSchema) -> Any:
    rows = 1 if c.axis is None else 0
    return ("",) * rows if c.dtype == "str" else np.zeros(rows, c.dtype)


def _has_dtype(value: Any, dtype: str) -> bool:
    if dtype == "str":
        return isinstance(value, tuple)
    return isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype == np.dtype(dtype)


@functools.cache
def product_class(type_name: str, schema: ProductSchema) -> type[Product]:
    """A product class for a type that a file holds and no module of the job names."""
    fields = [
        (c.name, Any, dataclasses.field(metadata={"column": (c.dtype, c.axis, c.unit, c.doc)}))
        for c in schema
    ]
    return dataclasses.make_dataclass(
        type_name, fields, bases=(Product,), frozen=True, slots=True, namespace={"type_name": type_name}
    )
