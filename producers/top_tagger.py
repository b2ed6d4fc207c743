"""TopTagger: asks a model for each jet's probability of being a top quark."""

from __future__ import annotations

from typing import Annotated, ClassVar

from eventproc.model.event import Event, EventView
from eventproc.model.input_tag import InputTag
from eventproc.modules import Declare, doc
from inference_client.protocol.arrays import sparse_tensor
from inference_client.protocol.messages import Tensor
from inference_client.result import InferenceResult
from inference_client.signature import FREE_AXIS, ModelExpectation, TensorSignature
from producers.datatypes import JetImages, TopTags
from producers.inference_producer import InferenceParameters, InferenceProducer
from producers.inference_summary import RowWords
from producers.top_scores import signal_column, top_tags


class TopTagger(InferenceProducer):
    """Sends jet images as they are, sparse, and puts one score and one status for each jet."""

    row_words: ClassVar[RowWords] = RowWords("image", "images", "jets scored")

    class Params(InferenceParameters):
        """The images, and which of the model's classes is the signal."""

        images: Annotated[InputTag, doc("the images to score")] = InputTag("jetImages")
        signalLabel: Annotated[str, doc("the model's name of the class to score")] = "top"

    def __init__(self, params: Params, declare: Declare) -> None:
        super().__init__(params, declare)
        self._images = declare.consumes(JetImages, params.images)
        self._tags = declare.produces(TopTags)
        self._signal_label = params.signalLabel
        self._signal_column = 0  # set by begin_job, when the model is known

    def expectation(self) -> ModelExpectation:
        """One image in, one row of class probabilities out, trained on images like ours."""
        specification = self._images.attributes.get("image_spec", {})
        pixels = specification.get("pixels", FREE_AXIS)
        return ModelExpectation(
            inputs=[TensorSignature("images", "FP32", (1, pixels, pixels))],
            outputs=[TensorSignature("scores", "FP32", (FREE_AXIS,))],
            image_spec=specification,
        )

    def begin_job(self) -> None:
        """Finds the signal among the model's classes.

        Raises:
            ConfigurationError: the model does not name its classes, or has no such class.
        """
        self._signal_column = signal_column(self.model, self._signal_label)

    def to_request(self, event: EventView) -> list[Tensor] | None:
        """The images that have any pixel; an empty one is not worth a question."""
        images = event.get(self._images)
        counts = images.counts[images.counts > 0]
        if len(counts) == 0:
            return None
        pixels = self._images.attributes["image_spec"]["pixels"]
        return [sparse_tensor("images", (1, pixels, pixels), counts, images.index, images.value)]

    def from_response(self, event: Event, response: InferenceResult | None) -> None:
        """Puts the scores; a jet without a valid one has NaN and a status that says why."""
        asked = event.get(self._images).counts > 0
        event.put(self._tags, top_tags(response, self._signal_column, asked))
