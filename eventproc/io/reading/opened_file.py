"""Opens one file to look at it outside a job: in any layout, or in our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eventproc.io.reading.layout import Layout, LayoutFile, make_layouts, open_with
from eventproc.io.reading.native_layout import NativeFile, NativeLayout
from eventproc.io.root.root_file import RootFile


@contextmanager
def open_any_layout(file_name: str) -> Iterator[LayoutFile]:
    """A file in whichever layout recognises it.

    Raises:
        FileOpenError: it is missing or damaged, or no layout recognises it.
        ProductNotFound: a layout does, but a branch is missing.
    """
    with RootFile(file_name) as file:
        yield open_with(make_layouts("auto", {}), file)


@contextmanager
def open_native(file_name: str) -> Iterator[NativeFile]:
    """A file that a job of ours wrote.

    Raises:
        FileOpenError: it is missing or damaged, or another program wrote it.
    """
    with RootFile(file_name) as file:
        yield NativeLayout(Layout.Params()).open(file)
