"""Draws jets as images of the crystals around them, kept sparse: only the pixels that hold something."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from producers.algorithms.ecal_geometry import CRYSTAL_WIDTH, transverse_energy
from producers.algorithms.image_specification import ImageSpecification


@dataclass(frozen=True, slots=True)
class SparseImages:
    """Images of n_jets jets, row after row: those of jet k follow those of jet k - 1.

    Attributes:
        counts: uint32, (n_jets,), lit pixels of each jet.
        index: uint16, (sum of counts,), row * pixels + column, rising within a jet, no pixel twice.
        value: float32, (sum of counts,), never 0; crystal ET over jet ET, or GeV without normalisation.
    """

    counts: npt.NDArray[np.uint32]
    index: npt.NDArray[np.uint16]
    value: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """Counts the images."""
        return len(self.counts)

    def dense(self, pixels: int) -> npt.NDArray[np.float32]:
        """Fills whole images, for training and for looking at them.

        Args:
            pixels: Rows, and columns, of the specification the images were drawn with.

        Returns:
            float32, (n_jets, pixels, pixels), rows are eta, columns are phi.
        """
        images = np.zeros((len(self), pixels * pixels), np.float32)
        images[np.repeat(np.arange(len(self)), self.counts), self.index] = self.value
        return images.reshape(-1, pixels, pixels)


def draw_jet_images(
    specification: ImageSpecification,
    energy: npt.ArrayLike,
    eta: npt.ArrayLike,
    phi: npt.ArrayLike,
    jet_et: npt.ArrayLike,
    jet_eta: npt.ArrayLike,
    jet_phi: npt.ArrayLike,
) -> SparseImages:
    """Draws one image for each jet, from all crystals of the event that lie in its window.

    Training and serving both call this function. Two crystals in one pixel add. With "area" the pixels of a
    crystal whose cell lies within the window add up to its ET; with "nearest" those of every crystal in the
    window do.

    Args:
        specification: What to draw.
        energy: (n_crystals,), GeV; not ET. At or below the specification's minimum, or NaN, is left out.
        eta: (n_crystals,); a crystal at NaN is left out.
        phi: (n_crystals,), radians; a crystal at NaN is left out.
        jet_et: (n_jets,), GeV, above 0.
        jet_eta: (n_jets,).
        jet_phi: (n_jets,), radians.

    Returns:
        As many images as there are jets; one without crystals has count 0.

    Raises:
        ValueError: A jet has no finite position, or no positive ET to normalise to; or lengths differ.
    """
    crystal_energy, crystal_eta, crystal_phi = _columns("crystals", energy=energy, eta=eta, phi=phi)
    et, axis_eta, axis_phi = _columns("jets", et=jet_et, eta=jet_eta, phi=jet_phi)
    if not (np.isfinite(axis_eta) & np.isfinite(axis_phi) & np.isfinite(et) & (et > 0)).all():
        message = (
            f"cannot draw jets of ET {et}, eta {axis_eta}, phi {axis_phi}: all must be finite, ET above 0"
        )
        raise ValueError(message)
    kept = crystal_energy > specification.minimum_energy
    kept &= np.isfinite(crystal_energy) & np.isfinite(crystal_eta) & np.isfinite(crystal_phi)
    drawn_eta = crystal_eta[kept]
    counts, index, value = _kernel()(
        transverse_energy(crystal_energy[kept], drawn_eta),
        drawn_eta,
        crystal_phi[kept],
        axis_eta,
        axis_phi,
        1.0 / et if specification.normalisation == "jet_et" else np.ones_like(et),
        specification.pixels,
        specification.window,
        specification.pixel_rule == "area",
        CRYSTAL_WIDTH,
    )
    return SparseImages(counts, index, value)


@functools.cache
def _kernel() -> Callable[..., Any]:
    # numba takes 0.2 s to import: a configuration that is only checked does not wait for it.
    from producers.algorithms.jet_image_kernels import draw_images  # noqa: PLC0415

    return draw_images


def _columns(what: str, **arrays: npt.ArrayLike) -> list[npt.NDArray[np.float64]]:
    """Brings columns of one table to float64, and insists on one length."""
    columns = [np.ascontiguousarray(array, np.float64) for array in arrays.values()]
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
        shapes = ", ".join(f"{name} {column.shape}" for name, column in zip(arrays, columns, strict=True))
        message = f"cannot draw {what} of unlike shapes: {shapes}; each must be (n,)"
        raise ValueError(message)
    return columns
