"""A program that was compiled elsewhere (.aocx, .xclbin, a runtime's own binary), and its manifest."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from accelerator_server.backends.opencl.kernels import Kernel
from accelerator_server.backends.opencl.tiling import Cut, Problem, Tile
from accelerator_server.errors import BackendUnavailableError, ConfigurationError

MANIFEST_FORMAT = 1


class KernelEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One kernel of a manifest: its file, its defines, its arguments in order."""

    file: str
    defines: dict[str, int]
    arguments: list[str]


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What the host must know of a compiled program.

    Attributes:
        format: Of the manifest itself.
        lanes: Channels that one item computes as one vector.
        group: Items in a work group.
        build_options: With which the source is compiled.
        kernels: By name.
    """

    format: int
    lanes: int
    group: int
    build_options: list[str]
    kernels: dict[str, KernelEntry]

    @property
    def cut(self) -> Cut:
        """How the program's kernels deal work to items."""
        return Cut(self.lanes, self.group)


@dataclass(frozen=True, slots=True)
class Precompiled:
    """A compiled program and its manifest.

    Attributes:
        path: Of the program.
        binary: Its content.
        manifest: What is in it.
    """

    path: Path
    binary: bytes
    manifest: Manifest

    def tiles(self, problems: Iterable[Problem]) -> dict[Problem, Tile]:
        """The largest tile that the program has for each convolution.

        Raises:
            BackendUnavailableError: It has none that fits.
        """
        return {problem: self._tile(problem) for problem in problems}

    def check(self, kernels: Iterable[Kernel]) -> None:
        """Refuses a program that lacks kernels.

        Raises:
            BackendUnavailableError: Some are missing, or take other arguments.
        """
        present = self.manifest.kernels
        missing = [
            one.name
            for one in sorted(set(kernels))
            if one.name not in present or tuple(present[one.name].arguments) != one.parameters
        ]
        if missing:
            message = (
                f"{self.path} lacks {', '.join(missing)}, or has them with other arguments; compile it again "
                "from what python -m accelerator_server.backends.opencl.offline writes for this model"
            )
            raise BackendUnavailableError(message)

    def _tile(self, problem: Problem) -> Tile:
        fitting = [
            Tile(d["TILE_ROWS"], d["TILE_COLUMNS"], d["TILE_BLOCKS"])
            for entry in self.manifest.kernels.values()
            if entry.file == f"{problem.kernel}.cl" and _serves(d := entry.defines, problem)
        ]
        if not fitting:
            message = f"{self.path} has no {problem}"
            raise BackendUnavailableError(message)
        return max(fitting, key=lambda tile: (tile.rows * tile.columns * tile.blocks, tile))


def read_precompiled(path: Path) -> Precompiled:
    """Reads a compiled program and the manifest beside it, which has the same name and ends in .json.

    Raises:
        ConfigurationError: One of them cannot be read.
    """
    manifest_path = path.with_suffix(".json")
    try:
        manifest = msgspec.json.decode(manifest_path.read_bytes(), type=Manifest)
        binary = path.read_bytes()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        message = f"cannot read the compiled program {path} with its manifest {manifest_path}: {error}"
        raise ConfigurationError(message) from error
    if manifest.format != MANIFEST_FORMAT:
        message = f"{manifest_path} has format {manifest.format}; this server reads {MANIFEST_FORMAT}"
        raise ConfigurationError(message)
    return Precompiled(path, binary, manifest)


def manifest_of(kernels: Iterable[Kernel], cut: Cut, build_options: Iterable[str]) -> Manifest:
    """The manifest of a program that has these kernels."""
    entries = {
        one.name: KernelEntry(f"{one.template}.cl", dict(one.defines), list(one.parameters))
        for one in sorted(set(kernels))
    }
    return Manifest(MANIFEST_FORMAT, cut.lanes, cut.group, list(build_options), entries)


def _serves(defines: dict[str, int], problem: Problem) -> bool:
    return (
        (defines["SIZE_Y"], defines["SIZE_X"]) == problem.size
        and (defines["STRIDE_Y"], defines["STRIDE_X"]) == problem.stride
        and defines["SOURCE_BLOCK"] == problem.source_block
        and defines["TILE_ROWS"] <= problem.height
        and defines["TILE_COLUMNS"] <= problem.width
        and problem.target_blocks % defines["TILE_BLOCKS"] == 0
    )
