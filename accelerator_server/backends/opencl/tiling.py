"""How much of a convolution one work item computes, for each class of devices."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from accelerator_server.backends.opencl.placement import BLOCK


class DeviceClass(StrEnum):
    """Kinds of devices that want the work cut differently."""

    CPU = "cpu"
    GPU = "gpu"
    ACCELERATOR = "accelerator"


@dataclass(frozen=True, slots=True)
class Cut:
    """How work is dealt to items.

    Attributes:
        lanes: Channels of a block that one item computes as one vector.
        group: Items in a work group; fixed, so that a compiled program serves maps of any size.
        dots: Whether sums of bytes are made with the x86 instruction vpdpbusd.
    """

    lanes: int
    group: int
    dots: bool = False

    @property
    def byte_step(self) -> int:
        """Bytes of the source that are multiplied and summed at once."""
        return 4 if self.dots else 1


CUTS: Final = {
    DeviceClass.CPU: Cut(BLOCK, 8),
    DeviceClass.GPU: Cut(1, 64),
    DeviceClass.ACCELERATOR: Cut(BLOCK, 1),
}


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Pixels and channel blocks that one item of a convolution computes: rows, columns, blocks."""

    rows: int
    columns: int
    blocks: int

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}x{self.blocks}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What decides which tile is best for a convolution."""

    size: tuple[int, int]
    stride: tuple[int, int]
    source_block: int
    source_blocks: int
    target_blocks: int
    height: int
    width: int
    kernel: str = "convolution"

    def __str__(self) -> str:
        size, stride = ("x".join(map(str, pair)) for pair in (self.size, self.stride))
        sources, targets = f"{self.source_blocks}*{self.source_block}", f"{self.target_blocks}*{BLOCK}"
        return f"{self.kernel} {size}/{stride} {sources}->{targets} {self.height}x{self.width}"


_PREFERRED: Final = {
    DeviceClass.CPU: (Tile(1, 14, 2), Tile(2, 7, 2), Tile(1, 4, 4), Tile(1, 7, 2), Tile(2, 3, 4)),
    DeviceClass.GPU: (Tile(1, 7, 2), Tile(1, 4, 2), Tile(1, 7, 1), Tile(1, 14, 1), Tile(2, 4, 1)),
    DeviceClass.ACCELERATOR: (Tile(1, 7, 1), Tile(1, 4, 1), Tile(1, 14, 1)),
}
"""The first is taken where nothing is measured. On a CPU sums, weights and one pixel must fit the 32
registers of AVX-512, as 28 + 2 + 1 do: with 28 + 4 + 1 sums go through memory, at 0.85 of the rate."""


def fitted(tile: Tile, problem: Problem) -> Tile:
    """The tile, made no larger than the map, with blocks that divide those of the target."""
    blocks = next(n for n in range(tile.blocks, 0, -1) if problem.target_blocks % n == 0)
    columns = min(tile.columns, problem.width)
    # As many tiles across, but evenly wide: 8 columns are two tiles of 4, not 7 and an overlap of 6.
    columns = -(-problem.width // -(-problem.width // columns))
    return Tile(min(tile.rows, problem.height), columns, blocks)


def default_tile(problem: Problem, device_class: DeviceClass) -> Tile:
    """The tile for a convolution on a device that was not measured."""
    return fitted(_PREFERRED[device_class][0], problem)


def candidates(problem: Problem, device_class: DeviceClass) -> Iterator[Tile]:
    """Tiles that are worth measuring, each once, the default first."""
    yield from dict.fromkeys(fitted(tile, problem) for tile in _PREFERRED[device_class])
