"""InputLevels: products of runs and luminosity blocks in all files of an input, put together."""

from __future__ import annotations

from collections.abc import Sequence

from eventproc.io.format.level_tree import LevelProducts, Of, described
from eventproc.model.branch import BranchDescription
from eventproc.model.product import Product
from eventproc.model.product_merging import merged


class InputLevels:
    """What the files hold, by branch; read when the files are first looked at, since it is little.

    Attributes:
        branches: the products, the most recent process first.
    """

    def __init__(self, branches: Sequence[BranchDescription] = ()) -> None:
        self.branches = tuple(branches)
        self._products: dict[BranchDescription, dict[Of, Product]] = {}

    def add(self, levels: LevelProducts) -> None:
        """Takes those of one more file.

        Raises:
            MismatchedInputFiles: another file has a product of the same run or luminosity block, and they
                do not go together.
        """
        for branch, products in levels.items():
            mine = self._products.setdefault(branch, {})
            for of, product in products.items():
                before = mine.get(of)
                mine[of] = (
                    product
                    if before is None
                    else merged(before, product, branch.merging, described(branch, of))
                )

    def held(self) -> list[Of]:
        """Runs and luminosity blocks of which any file has a product, ascending."""
        return sorted({of for products in self._products.values() for of in products})

    def product(self, branch: BranchDescription, of: Of) -> Product | None:
        """The product of a run or luminosity block; None where no file has one."""
        return self._products.get(branch, {}).get(tuple(of))
