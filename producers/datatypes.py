"""The products of the physics: crystals, jets, images, generator truth, scores and the inference record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from eventproc.model.product import Product, column

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class EcalRecHits(Product):
    """Energies that the crystals of the ECAL measured; the columns of CMSSW's EcalRecHit."""

    rawId: Ints = column(np.uint32, doc="DetId of the crystal (DataFormats/EcalDetId EBDetId)")
    energy: Floats = column(np.float32, doc="calibrated energy; noise makes it negative")
    time: Floats = column(np.float32, unit="ns", doc="time against that of a particle from the vertex")
    flags: Ints = column(np.uint32, doc="bit n is set for EcalRecHit::Flags n; bit 0 is kGood")


@dataclass(frozen=True, slots=True)
class EcalCrystals(Product):
    """Crystals that passed the hit selection, at their place in the detector."""

    energy: Floats = column(np.float32, doc="calibrated energy")
    eta: Floats = column(np.float32, doc="pseudorapidity of the crystal, seen from the origin")
    phi: Floats = column(np.float32, doc="azimuth of the crystal, in [-pi, pi)")


@dataclass(frozen=True, slots=True)
class DroppedHits(Product):
    """How many hits of an event the selection dropped, each under the first reason that applies."""

    invalidId: Ints = column(np.uint32, axis=None, doc="the raw id names no crystal of the barrel")
    notFinite: Ints = column(np.uint32, axis=None, doc="the energy is NaN or infinite")
    negative: Ints = column(np.uint32, axis=None, doc="the energy is zero or less")
    belowThreshold: Ints = column(np.uint32, axis=None, doc="the energy is at or below the threshold")
    badSeverity: Ints = column(np.uint32, axis=None, doc="the hit is Weird or Bad")
    outOfTime: Ints = column(np.uint32, axis=None, doc="the hit is out of time")


@dataclass(frozen=True, slots=True)
class Jets(Product):
    """Jets clustered from crystals, massless crystals at the vertex's angles."""

    pt: Floats = column(np.float32, doc="transverse momentum of the sum of the crystals, called ET of a jet")
    eta: Floats = column(np.float32, doc="pseudorapidity of the axis")
    phi: Floats = column(np.float32, doc="azimuth of the axis, in [-pi, pi)")
    mass: Floats = column(np.float32, doc="mass of the sum of the crystals")
    nCrystals: Ints = column(np.int32, doc="crystals in the jet")


@dataclass(frozen=True, slots=True)
class PFJets(Product):
    """Particle-flow jets that the experiment's own reconstruction made, as stored with its events."""

    et: Floats = column(np.float32, doc="transverse energy")
    eta: Floats = column(np.float32, doc="pseudorapidity of the axis")
    phi: Floats = column(np.float32, doc="azimuth of the axis")


@dataclass(frozen=True, slots=True)
class JetImages(Product):
    """One sparse image per jet; the pixels of jet i follow those of jet i - 1."""

    counts: Ints = column(np.uint32, doc="pixels that are not zero, one count per jet")
    index: Ints = column(np.uint16, axis="pixel", doc="row * columns + column, increasing within a jet")
    value: Floats = column(np.float32, axis="pixel", doc="content of the pixel as the image spec defines it")


@dataclass(frozen=True, slots=True)
class GenPartons(Product):
    """The hard partons of a generated event: tops for signal, light partons for background."""

    pdgId: Ints = column(np.int32, doc="particle number of the Particle Data Group")
    pt: Floats = column(np.float32, doc="transverse momentum")
    eta: Floats = column(np.float32, doc="pseudorapidity")
    phi: Floats = column(np.float32, doc="azimuth, in [-pi, pi)")


@dataclass(frozen=True, slots=True)
class JetTruth(Product):
    """What each jet really is, by matching to the hard partons; rows are those of the jets."""

    label: Ints = column(np.int8, doc="1 top, 0 QCD, -1 unknown")
    deltaR: Floats = column(np.float32, doc="distance in eta and phi to the matched parton, NaN without")


class TagStatus(IntEnum):
    """How the score of a jet came about; the numbers are stored in files."""

    ok = 0
    """The score is the network's answer."""
    emptyImage = 1
    """The image has no pixel; nothing was sent and the score is NaN."""
    callFailed = 2
    """No server answered within the tries allowed; the score is NaN."""
    invalidScore = 3
    """The answer is not a number between 0 and 1; the score is NaN."""


@dataclass(frozen=True, slots=True)
class TopTags(Product):
    """The top tagger's answers; rows are those of the jets."""

    score: Floats = column(np.float32, doc="probability that the jet is a top quark; NaN unless status is ok")
    status: Ints = column(np.uint8, doc="a TagStatus: 0 ok, 1 emptyImage, 2 callFailed, 3 invalidScore")


@dataclass(frozen=True, slots=True)
class InferenceRecord(Product):
    """Who computed the scores of an event and how long it took: one row per inference call."""

    model: tuple[str, ...] = column(str, doc="name of the model")
    modelVersion: tuple[str, ...] = column(str, doc="version of the model")
    modelSha256: tuple[str, ...] = column(str, doc="SHA-256 of the model's file, in hex")
    imageSpecHash: tuple[str, ...] = column(str, doc="hash of the image specification of the images sent")
    server: tuple[str, ...] = column(str, doc="address of the server that answered; empty when none did")
    device: tuple[str, ...] = column(str, doc="device the server computed on")
    precision: tuple[str, ...] = column(str, doc="number format the server computed in")
    attempts: Ints = column(np.uint8, doc="tries made, the successful one included")
    hedged: Ints = column(np.uint8, doc="1 if a second server was asked because the first was late")
    batchRows: Ints = column(np.uint16, doc="rows of the batch the server ran, other clients' included")
    requestRows: Ints = column(np.uint16, doc="rows this event asked for")
    bytesSent: Ints = column(np.uint32, unit="byte", doc="size of this event's part of the request")
    buildUs: Ints = column(np.uint32, unit="us", doc="time to make the request from the event's products")
    queueUs: Ints = column(np.uint32, unit="us", doc="time waited in the client for a body to join")
    wireUs: Ints = column(np.uint32, unit="us", doc="time between client and server, both ways")
    serverQueueUs: Ints = column(np.uint32, unit="us", doc="time queued in the server")
    computeUs: Ints = column(np.uint32, unit="us", doc="time on the device, of the whole batch")
    totalUs: Ints = column(np.uint32, unit="us", doc="time from asking to having the answer")
