"""JetTruthProducer: says of each jet in generated events which hard parton it came from."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from eventproc.model.event import Event
from eventproc.model.input_tag import InputTag
from eventproc.modules import Declare, EDProducer, ParameterDescription, doc
from producers.algorithms.jet_matching import LABEL_UNMATCHED, label_jets, match_nearest
from producers.datatypes import GenPartons, Jets, JetTruth


class JetTruthProducer(EDProducer):
    """Matches jets to hard partons; in collision data, which have none, every label is -1."""

    class Params(ParameterDescription):
        """What to match."""

        jets: Annotated[InputTag, doc("the jets to label")] = InputTag("ecalJets")
        partons: Annotated[InputTag, doc("the hard partons, if the input has them")] = InputTag("genPartons")
        deltaRMax: Annotated[float, doc("a parton farther away is not the jet's", gt=0)] = 0.8

    def __init__(self, params: Params, declare: Declare) -> None:
        self._jets = declare.consumes(Jets, params.jets)
        self._partons = declare.may_consume(GenPartons, params.partons)
        self._truth = declare.produces(JetTruth)
        self._delta_r_max = params.deltaRMax

    def produce(self, event: Event) -> None:
        """Puts the labels, in the order of the jets."""
        jets = event.get(self._jets)
        if not event.has(self._partons):
            unknown = np.full(len(jets), LABEL_UNMATCHED, np.int8)
            event.put(self._truth, JetTruth(unknown, np.full(len(jets), np.nan, np.float32)))
            return
        partons = event.get(self._partons)
        label = label_jets(
            jets.eta, jets.phi, partons.pdgId, partons.eta, partons.phi, self._delta_r_max
        )  # fmt: skip
        _, distance = match_nearest(jets.eta, jets.phi, partons.eta, partons.phi, self._delta_r_max)
        distance = np.where(np.isfinite(distance), distance, np.nan)
        event.put(self._truth, JetTruth(label.astype(np.int8), distance.astype(np.float32)))
