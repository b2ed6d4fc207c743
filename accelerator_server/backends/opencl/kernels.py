"""The kernels of a program: which file, which defines, which arguments in which order."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

BUILD_OPTIONS: Final = ("-cl-std=CL1.2", "-cl-mad-enable")
"""Finite-math options stay away: they would hide NaN."""

_FOLDER = files("accelerator_server") / "kernels"
_PARAMETERS = re.compile(r"void NAME\((.*?)\)\s*\{", re.DOTALL)
_INCLUDE = re.compile(r'^#include "(\w+)\.cl"\n', re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Kernel:
    """A file of accelerator_server/kernels, compiled with some defines under a name of its own."""

    template: str
    defines: tuple[tuple[str, int], ...]

    @property
    def name(self) -> str:
        """Name of the kernel in the program: the file's and the values of the defines."""
        return "_".join((self.template, *(str(value) for _, value in self.defines)))

    @property
    def group(self) -> int:
        """Items in a work group."""
        return dict(self.defines)["GROUP"]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Declarations of the arguments, in order."""
        found = _PARAMETERS.search(_text(self.template))
        if found is None:
            message = f"{self.template}.cl declares no kernel NAME(...)"
            raise ValueError(message)
        return tuple(" ".join(parameter.split()) for parameter in found[1].split(","))

    def source(self) -> str:
        """OpenCL C of this kernel, without the preamble."""
        defines = (("NAME", self.name), *self.defines)
        head = "".join(f"#define {name} {value}\n" for name, value in defines)
        tail = "".join(f"#undef {name}\n" for name, _ in defines)
        return f"{head}{_text(self.template)}{tail}"


def kernel(template: str, **defines: int) -> Kernel:
    """Names a kernel by its file and its defines."""
    return Kernel(template, tuple((name.upper(), value) for name, value in defines.items()))


def program_source(kernels: Iterable[Kernel]) -> str:
    """OpenCL C of a whole program, each kernel once, in an order that does not depend on the caller's."""
    return "\n".join([_text("preamble"), *(one.source() for one in sorted(set(kernels)))])


@cache
def _text(template: str) -> str:
    """A file with those that it includes: compilers for cards are given one file."""
    return _INCLUDE.sub(lambda found: _text(found[1]), (_FOLDER / f"{template}.cl").read_text())
