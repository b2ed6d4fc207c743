"""EcalJetProducer: clusters crystals into jets."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from eventproc.model.event import Event
from eventproc.model.input_tag import InputTag
from eventproc.modules import Declare, EDProducer, ParameterDescription, doc
from producers.algorithms.ecal_geometry import transverse_energy
from producers.algorithms.jet_clustering import cluster_jets
from producers.datatypes import EcalCrystals, Jets


class EcalJetProducer(EDProducer):
    """Clusters crystals into anti-kT jets with FastJet, ordered by falling transverse momentum."""

    class Params(ParameterDescription):
        """Radius and selection of the jets."""

        crystals: Annotated[InputTag, doc("the crystals to cluster")] = InputTag("ecalCrystals")
        radius: Annotated[float, doc("jet radius R", gt=0)] = 0.8
        jetEtMin: Annotated[float, doc("jets of less transverse momentum are dropped, GeV", ge=0)] = 200.0
        jetAbsEtaMax: Annotated[float, doc("jets of larger |eta| are dropped", gt=0)] = 1.479

    def __init__(self, params: Params, declare: Declare) -> None:
        self._crystals = declare.consumes(EcalCrystals, params.crystals)
        self._jets = declare.produces(Jets)
        self._params = params

    def begin_job(self) -> None:
        """Loads FastJet now, so that the first event is no slower than the others."""
        cluster_jets([1.0], [0.0], [0.0])

    def produce(self, event: Event) -> None:
        """Puts the jets."""
        crystals = event.get(self._crystals)
        found = cluster_jets(
            transverse_energy(crystals.energy, crystals.eta),
            crystals.eta,
            crystals.phi,
            radius=self._params.radius,
            et_min=self._params.jetEtMin,
            abs_eta_max=self._params.jetAbsEtaMax,
        )
        pt, eta, phi, mass = (a.astype(np.float32) for a in (found.pt, found.eta, found.phi, found.mass))
        event.put(self._jets, Jets(pt, eta, phi, mass, found.n_constituents.astype(np.int32)))
