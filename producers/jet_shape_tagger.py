"""JetShapeTagger: asks a model of twelve numbers a jet; an example of an inference module without images."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from eventproc.model.event import Event, EventView
from eventproc.model.input_tag import InputTag
from eventproc.modules import Declare, doc
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.messages import Tensor
from inference_client.result import InferenceResult
from inference_client.signature import FREE_AXIS, ModelExpectation, TensorSignature
from producers.algorithms.jet_shape import FEATURES, measure_jet_shapes, shape_specification
from producers.datatypes import EcalCrystals, Jets, TopTags
from producers.inference_producer import InferenceParameters, InferenceProducer
from producers.inference_summary import RowWords
from producers.top_scores import signal_column, top_tags


class JetShapeTagger(InferenceProducer):
    """Puts one score and one status for each jet, from energy shares and moments of its crystals."""

    row_words: ClassVar[RowWords] = RowWords("jet", "jets", "jets scored")

    class Params(InferenceParameters):
        """The jets, their crystals, and which of the model's classes is the signal."""

        crystals: Annotated[InputTag, doc("the crystals of the jets")] = InputTag("ecalCrystals")
        jets: Annotated[InputTag, doc("the jets to score")] = InputTag("ecalJets")
        signalLabel: Annotated[str, doc("the model's name of the class to score")] = "top"

    def __init__(self, params: Params, declare: Declare) -> None:
        super().__init__(params, declare)
        self._crystals = declare.consumes(EcalCrystals, params.crystals)
        self._jets = declare.consumes(Jets, params.jets)
        self._tags = declare.produces(TopTags)
        self._signal_label = params.signalLabel
        self._signal_column = 0  # set by begin_job, when the model is known

    def expectation(self) -> ModelExpectation:
        """Twelve numbers in, one row of class probabilities out, trained on numbers like ours."""
        return ModelExpectation(
            inputs=[TensorSignature("features", "FP32", (len(FEATURES),))],
            outputs=[TensorSignature("scores", "FP32", (FREE_AXIS,))],
            image_spec=shape_specification(),
        )

    def begin_job(self) -> None:
        """Finds the signal among the model's classes.

        Raises:
            ConfigurationError: the model does not name its classes, or has no such class.
        """
        self._signal_column = signal_column(self.model, self._signal_label)

    def to_request(self, event: EventView) -> list[Tensor] | None:
        """One row for each jet."""
        crystals, jets = event.get(self._crystals), event.get(self._jets)
        if not len(jets):
            return None
        shapes = measure_jet_shapes(
            (crystals.energy, crystals.eta, crystals.phi), (jets.pt, jets.eta, jets.phi, jets.mass)
        )
        return [dense_tensor("features", shapes)]

    def from_response(self, event: Event, response: InferenceResult | None) -> None:
        """Puts the scores."""
        asked = np.ones(len(event.get(self._jets)), np.bool_)
        event.put(self._tags, top_tags(response, self._signal_column, asked))
