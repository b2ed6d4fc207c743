"""Names and places of the 61,200 crystals of the CMS ECAL barrel.

Identifiers follow ``DataFormats/EcalDetId/interface/EBDetId.h``. Positions follow ``eb_geometry.json``,
measured on 73,196 barrel hits of 2012: CMSSW's ``approxEta`` is off by up to 6.9e-3 in eta, this table by
at most 4e-4.
"""

import json
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

N_CRYSTALS: Final = 61_200
N_ETA_ROWS: Final = 170
N_PHI_COLUMNS: Final = 360
MAX_IETA: Final = 85
MAX_IPHI: Final = 360
CRYSTAL_WIDTH: Final = float(np.pi / 180)
"""Size of a crystal in eta and in phi, radians: 360 crystals make the circle."""
BARREL_RADIUS_M: Final = 1.29
"""Distance of the crystals' front faces from the beam line (CMS, JINST 3 S08004, section 4)."""

_BARREL_BITS: Final = 0x32000000
_POSITIVE_SIDE: Final = 0x10000
_FIXED_BITS: Final = 0xFFFE0000
_PHI_SHIFT_CRYSTALS: Final = 10.5
_CRYSTALS_PER_MODULE_PHI: Final = 20

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def encode_raw_id(ieta: npt.ArrayLike, iphi: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """Packs crystal coordinates into EBDetId raw ids.

    Args:
        ieta: int, (n,), -85..85 without 0.
        iphi: int, (n,), 1..360.

    Returns:
        uint32, (n,), raw ids.

    Raises:
        ValueError: A coordinate is outside the barrel.
    """
    eta_index, phi_index = np.broadcast_arrays(np.asarray(ieta, np.int64), np.asarray(iphi, np.int64))
    ring = np.abs(eta_index)
    inside = (ring >= 1) & (ring <= MAX_IETA) & (phi_index >= 1) & (phi_index <= MAX_IPHI)
    if not inside.all():
        first = tuple(int(axis[0]) for axis in np.nonzero(np.atleast_1d(~inside)))
        at = (int(np.atleast_1d(eta_index)[first]), int(np.atleast_1d(phi_index)[first]))
        message = f"no barrel crystal at (ieta, iphi) = {at}: ieta is -85..85 without 0, iphi is 1..360"
        raise ValueError(message)
    side = np.where(eta_index > 0, _POSITIVE_SIDE, 0)
    raw_id: npt.NDArray[np.uint32] = (_BARREL_BITS | side | (ring << 9) | phi_index).astype(np.uint32)
    return raw_id


def is_barrel_id(raw_id: npt.ArrayLike) -> BoolArray:
    """Tells which raw ids name a barrel crystal.

    Args:
        raw_id: integers or floats, (n,). Endcap ids, negative or huge integers, NaN and fractions are not.

    Returns:
        bool, (n,).

    Raises:
        TypeError: The ids are neither integers nor floats.
    """
    ids = _as_int64(raw_id)
    ring = (ids >> 9) & 0x7F
    iphi = ids & 0x1FF
    fixed = (ids & _FIXED_BITS) == _BARREL_BITS
    in_range = (ids >= 0) & (ids <= 0xFFFFFFFF)
    result: BoolArray = in_range & fixed & (ring >= 1) & (ring <= MAX_IETA) & (iphi >= 1) & (iphi <= MAX_IPHI)
    return result


def decode_raw_id(raw_id: npt.ArrayLike) -> tuple[IntArray, IntArray]:
    """Unpacks EBDetId raw ids.

    Args:
        raw_id: uint32, (n,).

    Returns:
        ieta and iphi, int64, (n,); both 0, which no crystal has, where the id names no barrel crystal.

    Raises:
        TypeError: The ids are neither integers nor floats.
    """
    ids = _as_int64(raw_id)
    valid = is_barrel_id(ids)
    ring = (ids >> 9) & 0x7F
    ieta = np.where(ids & _POSITIVE_SIDE, ring, -ring)
    return np.where(valid, ieta, 0), np.where(valid, ids & 0x1FF, 0)


def hashed_index(raw_id: npt.ArrayLike) -> IntArray:
    """Numbers the crystals densely, as ``EBDetId::hashedIndex`` does.

    Args:
        raw_id: uint32, (n,).

    Returns:
        int64, (n,), 0..61199, row by row of rising eta; -1 where the id names no barrel crystal.
        Mask the -1 before using it as an index: numpy would take it for the last crystal.

    Raises:
        TypeError: The ids are neither integers nor floats.
    """
    ieta, iphi = decode_raw_id(raw_id)
    row = np.where(ieta > 0, ieta + MAX_IETA - 1, ieta + MAX_IETA)
    return np.where(ieta == 0, -1, row * N_PHI_COLUMNS + iphi - 1)


def crystal_positions(raw_id: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Looks up where crystals are.

    Args:
        raw_id: uint32, (n,).

    Returns:
        eta and phi of the crystal centres, float64, (n,), phi in (-pi, pi]; NaN where the id names no
        barrel crystal.

    Raises:
        TypeError: The ids are neither integers nor floats.
    """
    index = hashed_index(raw_id)
    known = index >= 0
    safe = np.where(known, index, 0)
    return np.where(known, CRYSTAL_ETA[safe], np.nan), np.where(known, CRYSTAL_PHI[safe], np.nan)


def transverse_energy(energy: npt.ArrayLike, eta: npt.ArrayLike) -> FloatArray:
    """Projects energies on the transverse plane, ET = E / cosh(eta).

    Args:
        energy: (n,), GeV.
        eta: (n,).

    Returns:
        float64, (n,), GeV.
    """
    result: FloatArray = np.asarray(energy, np.float64) / np.cosh(np.asarray(eta, np.float64))
    return result


def wrap_phi(phi: npt.ArrayLike) -> FloatArray:
    """Brings angles or differences of angles to [-pi, pi].

    Args:
        phi: (n,), radians.

    Returns:
        float64, (n,), radians.
    """
    angle = np.asarray(phi, np.float64)
    result: FloatArray = angle - 2 * np.pi * np.round(angle / (2 * np.pi))
    return result


def _as_int64(raw_id: npt.ArrayLike) -> IntArray:
    """Brings ids of any numeric type to int64, with -1 for what is no whole number below 2**63."""
    ids = np.asarray(raw_id)
    if ids.dtype == np.uint64:
        return np.where(ids <= 0xFFFFFFFF, ids, 0).astype(np.int64)
    if ids.dtype.kind in "iu":
        return ids.astype(np.int64, copy=False)
    if ids.dtype.kind == "f":
        whole = np.isfinite(ids) & (np.abs(ids) <= 0xFFFFFFFF) & (np.trunc(ids) == ids)
        return np.where(whole, ids, -1).astype(np.int64)
    message = f"crystal ids must be numbers, not {ids.dtype}; EBDetId raw ids are uint32"
    raise TypeError(message)


def _load_table() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("eb_geometry.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def _crystal_tables() -> tuple[npt.NDArray[np.uint32], FloatArray, FloatArray]:
    """Builds raw id, eta and phi of every crystal, ordered by hashed index."""
    table = _load_table()
    ring_eta = np.asarray(table["eta_by_abs_ieta"], np.float64)
    ieta = np.repeat(np.concatenate([np.arange(-MAX_IETA, 0), np.arange(1, MAX_IETA + 1)]), N_PHI_COLUMNS)
    iphi = np.tile(np.arange(1, MAX_IPHI + 1), N_ETA_ROWS)
    columns = range(_CRYSTALS_PER_MODULE_PHI)
    residual = np.array(
        [[table["phi_residual_deg"][f"{side},{column}"] for column in columns] for side in ("-1", "+1")]
    )
    shift = residual[(ieta > 0).astype(np.int64), (iphi - 1) % _CRYSTALS_PER_MODULE_PHI]
    eta = np.sign(ieta) * ring_eta[np.abs(ieta) - 1]
    phi = wrap_phi(np.radians(iphi - _PHI_SHIFT_CRYSTALS + shift))
    return encode_raw_id(ieta, iphi), eta, phi


CRYSTAL_RAW_ID, CRYSTAL_ETA, CRYSTAL_PHI = _crystal_tables()
"""Raw id (uint32), eta and phi (float64, radians) of every crystal, (61200,), indexed by ``hashed_index``."""
for _table in (CRYSTAL_RAW_ID, CRYSTAL_ETA, CRYSTAL_PHI):
    _table.flags.writeable = False
