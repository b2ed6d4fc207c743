"""ShownEvent: one event as a display needs it, read from a job's output and from the hits it came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eventproc.errors import FileReadError, ProductNotFound, near_names
from eventproc.io.reading.opened_file import open_any_layout
from eventproc.io.root.input_names import local_path
from eventproc.model.event_id import EventID
from producers.algorithms.ecal_geometry import crystal_positions, transverse_energy
from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.jet_clustering import cluster_jets
from producers.algorithms.jet_image import SparseImages, draw_jet_images
from producers.algorithms.rechit_selection import RecHitSelection, Severity
from producers.datatypes import (
    EcalCrystals,
    EcalRecHits,
    GenPartons,
    InferenceRecord,
    Jets,
    JetTruth,
    TopTags,
)
from producers.ecal_crystals import EcalCrystalProducer
from producers.ecal_jets import EcalJetProducer
from producers.jet_images import JetImageProducer
from producers.plots.event_choice import find_entry
from producers.plots.event_in_file import EventInFile, History, parameters_of


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One event.

    Attributes:
        id: its run, luminosity block and number.
        file: the file it was asked from.
        hits_file: the file that its crystals are from.
        crystals: the crystals that pass the job's selection.
        jets: of the file, or clustered here from the crystals where it holds none.
        clustered_here: whether they are clustered here.
        radius: radius of the jets.
        images: one for each jet, drawn here from the crystals as the job drew them.
        specification: of the images.
        tags: scores, rows are the jets; None without.
        truth: truth labels, rows are the jets; None without.
        partons: hard partons; None without.
        inference: who computed the scores; None without, or when nothing was asked.
    """

    id: EventID
    file: str
    hits_file: str
    crystals: EcalCrystals
    jets: Jets
    clustered_here: bool
    radius: float
    images: SparseImages
    specification: ImageSpecification
    tags: TopTags | None = None
    truth: JetTruth | None = None
    partons: GenPartons | None = None
    inference: InferenceRecord | None = None


def read_shown_event(
    file_name: str,
    wanted: EventID | int,
    *,
    hits_file: str | None = None,
    jets_label: str = "ecalJets",
    tags_label: str = "topTags",
    jet_et_min: float | None = None,
) -> ShownEvent:
    """Reads one event.

    Its crystals come from ``hits_file``; without one from the file itself; and where that holds none, from
    the files that its job read, as its provenance names them.

    Args:
        file_name: output of a job, or a file of hits.
        wanted: the event's id, or its entry, counted from 0.
        hits_file: a file that holds the hits of the event, or None.
        jets_label: label of the jets.
        tags_label: label of their scores.
        jet_et_min: jets that are clustered here have at least so much ET, GeV; None for what the job, or
            else the module's default, says.

    Raises:
        FileOpenError: a file is missing or damaged, or no layout recognises it.
        FileReadError: a file cannot be read, or scores and jets do not belong together.
        CommandLineError: the file has no such event.
        ProductNotFound: there are no jets of that label, or no crystals anywhere.
    """
    with open_any_layout(file_name) as file:
        entry, event_id = find_entry(file.event_ids(0, file.n_entries), wanted, file_name)
        event, history = EventInFile(file, entry), file.history
        jets = _jets(event, jets_label, file_name)
        tags, truth = event.get(TopTags, tags_label), event.get(JetTruth)
        partons = event.get(GenPartons)
        inference = event.get(InferenceRecord, tags_label, "inference")
        own = _crystals(event, history) if hits_file is None else None
    if own is None:
        used, crystals = _elsewhere(file_name, event_id, hits_file, history)
    else:
        used, crystals = file_name, own
    clustering = parameters_of(history, EcalJetProducer.Params, "EcalJetProducer")
    et_min = clustering.jetEtMin if jet_et_min is None else jet_et_min
    shown = _cluster(crystals, clustering, et_min) if jets is None else jets
    specification = parameters_of(history, JetImageProducer.Params, "JetImageProducer").image.specification()
    if tags is not None and len(tags) != len(shown):
        message = (
            f"{file_name!r}: event {_short(event_id)} has {len(shown)} jets {jets_label!r} and {len(tags)} "
            f"scores {tags_label!r}; choose those that belong together with --jets and --tags"
        )
        raise FileReadError(message)
    return ShownEvent(
        id=event_id,
        file=file_name,
        hits_file=used,
        crystals=crystals,
        jets=shown,
        clustered_here=jets is None,
        radius=clustering.radius,
        images=draw_jet_images(
            specification, crystals.energy, crystals.eta, crystals.phi, shown.pt, shown.eta, shown.phi
        ),
        specification=specification,
        tags=tags,
        truth=truth if truth is not None and len(truth) == len(shown) else None,
        partons=partons,
        inference=inference if inference is not None and len(inference) else None,
    )


def _short(event_id: EventID) -> str:
    return ":".join(map(str, event_id))


def _jets(event: EventInFile, label: str, file_name: str) -> Jets | None:
    labels = event.labels(Jets)
    if labels and label not in labels:
        message = f"{file_name!r} holds no jets {label!r}: {near_names(label, labels)}; say which with --jets"
        raise ProductNotFound(message)
    return event.get(Jets, label)


def _elsewhere(
    file_name: str, event_id: EventID, hits_file: str | None, history: History
) -> tuple[str, EcalCrystals]:
    """The crystals of an event from the first of several files that holds them."""
    candidates = list(_inputs(history)) if hits_file is None else [hits_file]
    for candidate in candidates:
        if hits_file is None and not _is_here(candidate):
            continue
        with open_any_layout(candidate) as file:
            ids = file.event_ids(0, file.n_entries)
            if hits_file is not None:
                find_entry(ids, event_id, candidate)  # says which events are near
            if event_id in ids:
                crystals = _crystals(EventInFile(file, ids.index(event_id)), history)
                if crystals is not None:
                    return candidate, crystals
    if hits_file is not None:
        message = f"{hits_file!r} holds no ECAL hits: {_what_works(())}"
        raise ProductNotFound(message)
    message = f"{file_name!r} holds no ECAL hits of event {_short(event_id)}: {_what_works(candidates)}"
    raise ProductNotFound(message)


def _what_works(candidates: Sequence[str]) -> str:
    advice = "--hits FILE names a file that does; eventproc content FILE shows what a file holds"
    if not candidates:
        return advice
    return f"nor do the files that its job read, as far as they are here ({', '.join(candidates)}). {advice}"


def _inputs(history: History) -> Iterator[str]:
    for process in reversed(history):
        source = process.get("configuration", {}).get("source", {})
        yield from source.get("parameters", {}).get("fileNames", ())


def _is_here(name: str) -> bool:
    path = local_path(name)
    return path is not None and Path(path).is_file()


def _crystals(event: EventInFile, history: History) -> EcalCrystals | None:
    stored = event.get(EcalCrystals)
    if stored is not None:
        return stored
    hits = event.get(EcalRecHits)
    if hits is None:
        return None
    params = parameters_of(history, EcalCrystalProducer.Params, "EcalCrystalProducer")
    selection = RecHitSelection(params.energyMin, Severity(params.severityMax))
    kept, _ = selection.select(hits.rawId, hits.energy, hits.flags)
    eta, phi = crystal_positions(hits.rawId[kept])
    return EcalCrystals(hits.energy[kept], eta.astype(np.float32), phi.astype(np.float32))


def _cluster(crystals: EcalCrystals, params: EcalJetProducer.Params, et_min: float) -> Jets:
    found = cluster_jets(
        transverse_energy(crystals.energy, crystals.eta),
        crystals.eta,
        crystals.phi,
        radius=params.radius,
        et_min=et_min,
        abs_eta_max=params.jetAbsEtaMax,
    )
    pt, eta, phi, mass = (a.astype(np.float32) for a in (found.pt, found.eta, found.phi, found.mass))
    return Jets(pt, eta, phi, mass, found.n_constituents.astype(np.int32))
