"""Looks into the files of a dataset: how many entries, and of which luminosity blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from eventproc.io.reading.layout import Layout, LayoutFile, make_layouts, open_with
from eventproc.io.root.root_file import RootFile
from eventproc.model.descriptions import ComponentDescription
from eventproc.model.splitting import DatasetFile, LumiSpan

_ENTRIES_AT_ONCE = 100_000


def look_into(files: Sequence[DatasetFile], source: ComponentDescription) -> list[DatasetFile]:
    """The files with their luminosity blocks filled in; each file is opened once.

    Args:
        files: the dataset.
        source: the job's PoolSource, which says how the files are laid out.

    Raises:
        FileOpenError: a file cannot be opened.
        FileReadError: its event ids cannot be read.
    """
    layout = str(source.parameters.get("layout", "auto"))
    layouts = make_layouts(layout, source.parameters.get("layoutParameters", {}))
    spans = {name: _spans(name, layouts) for name in dict.fromkeys(file.name for file in files)}
    return [DatasetFile(file.name, file.entries, spans[file.name]) for file in files]


def _spans(name: str, layouts: Mapping[str, Layout]) -> tuple[LumiSpan, ...]:
    with RootFile(name) as root_file:
        return tuple(_united(_stretches(open_with(layouts, root_file))))


def _stretches(file: LayoutFile) -> Iterable[LumiSpan]:
    for begin in range(0, file.n_entries, _ENTRIES_AT_ONCE):
        start = begin
        ids = file.event_ids(begin, min(begin + _ENTRIES_AT_ONCE, file.n_entries))
        for lumi, group in groupby(ids, key=itemgetter(0, 1)):
            stop = start + sum(1 for _ in group)
            yield LumiSpan((lumi[0], lumi[1]), start, stop)
            start = stop


def _united(stretches: Iterable[LumiSpan]) -> Iterable[LumiSpan]:
    """Stretches that were cut where reading paused are one again."""
    for lumi, group in groupby(stretches, key=lambda span: span.lumi):
        parts = list(group)
        yield LumiSpan(lumi, parts[0].start, parts[-1].stop)
