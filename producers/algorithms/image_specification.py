"""The definition of a jet image, as a value that training and serving can compare."""

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PIXEL_RULES: Final = ("nearest", "area")
NORMALISATIONS: Final = ("jet_et", "none")
EDGE_RULES: Final = ("lower",)
PHI_RULES: Final = ("wrap",)
CHANNELS: Final = ("ecal_et",)
MAX_PIXELS: Final = 256
"""A flat pixel index is 16 bits wide on the wire: 256 * 256 = 65,536."""


@dataclass(frozen=True, slots=True)
class ImageSpecification:
    """How crystals around a jet become an image.

    Rows are eta, rising; columns are phi, rising; the jet axis is the middle of the image.

    Attributes:
        version: Of the meaning of these fields; raised when the same fields would give another image.
        pixels: Rows, and columns.
        window: Half width of the image in eta and in phi.
        pixel_rule: "nearest" puts a crystal's ET in the pixel its centre falls in; "area" shares it over the
            pixels that the crystal's cell of pi/180 x pi/180 covers, in proportion.
        edge_rule: "lower": a centre on the line between two pixels belongs to the lower one, and a centre
            on the rim of the window to the outermost one. On the line means within 1e-6 rad, so that
            rounding cannot move a crystal to the other side.
        phi_rule: "wrap": differences of phi are taken the short way around.
        normalisation: "jet_et": a pixel is crystal ET over jet ET; "none": crystal ET in GeV.
        minimum_energy: Crystals whose energy (not ET) is at or below it are left out, GeV.
        channels: What the image shows; one channel, the ET in the electromagnetic calorimeter.
    """

    version: int = 1
    pixels: int = 224
    window: float = 1.0
    pixel_rule: str = "nearest"
    edge_rule: str = "lower"
    phi_rule: str = "wrap"
    normalisation: str = "jet_et"
    minimum_energy: float = 0.25
    channels: tuple[str, ...] = CHANNELS

    def __post_init__(self) -> None:
        """Refuses what no kernel can draw."""
        for name, choices in (
            ("pixel_rule", PIXEL_RULES),
            ("edge_rule", EDGE_RULES),
            ("phi_rule", PHI_RULES),
            ("normalisation", NORMALISATIONS),
        ):
            if getattr(self, name) not in choices:
                message = (
                    f"no image with {name}={getattr(self, name)!r}; {name} is one of {', '.join(choices)}"
                )
                raise ValueError(message)
        if self.channels != CHANNELS:
            message = f"no image with channels={self.channels!r}; the channels are {CHANNELS!r}"
            raise ValueError(message)
        if self.version != 1:
            message = f"no image with version={self.version!r}; this code makes images of version 1"
            raise ValueError(message)
        if not 1 <= self.pixels <= MAX_PIXELS:
            message = f"no image with pixels={self.pixels!r}; pixels is 1 to {MAX_PIXELS}"
            raise ValueError(message)
        if not (0 < self.window <= math.pi and self.minimum_energy >= 0):
            message = (
                f"no image with window={self.window!r} and minimum_energy={self.minimum_energy!r}; "
                "window is above 0 and at most pi, minimum_energy is not negative"
            )
            raise ValueError(message)

    def to_dict(self) -> dict[str, Any]:
        """Gives the fields as plain values for TOML, JSON and hashing, lists for tuples."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "ImageSpecification":
        """Reads what ``to_dict`` gave; every field must be there, since a default could change.

        Args:
            fields: Field name to value. Whole numbers are taken for floats, so that a TOML author may write
                1.

        Raises:
            ValueError: A field is missing, unknown, of another type, or outside its range.
        """
        types = {field.name: type(field.default) for field in dataclasses.fields(cls)}
        for name in fields:
            if name not in types:
                near = difflib.get_close_matches(name, types, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(types)}"
                message = f"an image specification has no field {name!r}; {hint}"
                raise ValueError(message)
        missing = [name for name in types if name not in fields]
        if missing:
            message = f"the image specification lacks {', '.join(missing)}"
            raise ValueError(message)
        return cls(**{name: _converted(name, fields[name], kind) for name, kind in types.items()})


def _converted(name: str, value: Any, kind: type) -> Any:
    """Brings a parsed value to the type of its field."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is tuple and isinstance(value, list | tuple):
        return tuple(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        message = f"{name} of an image specification must be {kind.__name__}, not {value!r}"
        raise ValueError(message)
    return value
