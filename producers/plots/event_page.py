"""Writes an event as one HTML page that needs nothing else: hover over crystals, choose jets."""

from __future__ import annotations

import json
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from eventproc.errors import FileWriteError
from producers.algorithms.ecal_geometry import CRYSTAL_WIDTH, transverse_energy
from producers.plots.event_display import BARREL_ETA, ET_RANGE, SHARE_RANGE, jet_colour, jet_label_spots
from producers.plots.event_labels import event_title, inference_text, jet_rows, jets_text, score_text
from producers.plots.shown_event import ShownEvent


def write_event_page(event: ShownEvent, output: Path) -> None:
    """Writes the page of an event.

    Raises:
        FileWriteError: it cannot be written.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(render_event_page(event), encoding="utf-8")
    except OSError as error:
        message = f"page {str(output)!r} cannot be written: {error.strerror}"
        raise FileWriteError(message) from error


def render_event_page(event: ShownEvent) -> str:
    """The page as text."""
    page = resources.files("producers.plots").joinpath("event_page.html").read_text(encoding="utf-8")
    # "</script>" inside the data would end the script.
    data = json.dumps(event_values(event), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return page.replace("@TITLE@", escape(event_title(event))).replace('"@DATA@"', data)


def event_values(event: ShownEvent) -> dict[str, Any]:
    """What the page draws, as JSON values; lengths are GeV and radians."""
    crystals = event.crystals
    et = transverse_energy(crystals.energy, crystals.eta)
    order = np.argsort(et)  # the hardest on top
    said = [f"{len(crystals)} crystals", jets_text(event), inference_text(event), f"hits: {event.hits_file}"]
    partons = event.partons
    return {
        "title": event_title(event),
        "said": [sentence for sentence in said if sentence],
        "file": event.file,
        "barrelEta": BARREL_ETA,
        "crystalWidth": CRYSTAL_WIDTH,
        "etRange": ET_RANGE,
        "shareRange": SHARE_RANGE if event.specification.normalisation == "jet_et" else ET_RANGE,
        "normalised": event.specification.normalisation == "jet_et",
        "pixels": event.specification.pixels,
        "window": event.specification.window,
        "radius": event.radius,
        "crystals": {
            "eta": _rounded(crystals.eta[order]),
            "phi": _rounded(crystals.phi[order]),
            "energy": _rounded(crystals.energy[order]),
            "et": _rounded(et[order]),
        },
        "partons": [
            {"pdgId": int(partons.pdgId[i]), "eta": float(partons.eta[i]), "phi": float(partons.phi[i])}
            for i in range(len(partons) if partons is not None else 0)
            if partons is not None
        ],
        "jets": _jets(event),
    }


def _jets(event: ShownEvent) -> list[dict[str, Any]]:
    last = np.cumsum(event.images.counts, dtype=np.int64)
    first = last - event.images.counts
    spots = jet_label_spots(event)
    return [
        {
            "eta": float(event.jets.eta[jet]),
            "phi": float(event.jets.phi[jet]),
            "pt": float(event.jets.pt[jet]),
            "label": spots[jet],
            "colour": jet_colour(jet),
            "score": score_text(event, jet),
            "rows": rows,
            "index": event.images.index[first[jet] : last[jet]].tolist(),
            "value": _rounded(event.images.value[first[jet] : last[jet]]),
        }
        for jet, rows in enumerate(jet_rows(event))
    ]


def _rounded(values: Any) -> list[float]:
    """Five digits, enough for the eye; a page of float64 is three times as long."""
    return [float(f"{value:.5g}") for value in values.tolist()]
