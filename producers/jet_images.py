"""JetImageProducer: draws each jet as a sparse image of the crystals around it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from eventproc.errors import ConfigurationError
from eventproc.model.event import Event
from eventproc.model.input_tag import InputTag
from eventproc.modules import Declare, EDProducer, ParameterDescription, doc
from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.jet_image import draw_jet_images
from producers.datatypes import EcalCrystals, JetImages, Jets


class ImageParameters(ParameterDescription):
    """The image specification as a PSet; ``ImageSpecification`` says what each field means."""

    version: int = 1
    pixels: int = 224
    window: float = 1.0
    pixelRule: str = "nearest"
    edgeRule: str = "lower"
    phiRule: str = "wrap"
    normalisation: str = "jet_et"
    minimumEnergy: float = 0.25

    def specification(self) -> ImageSpecification:
        """The value that draws images and is compared with the model's.

        Raises:
            ConfigurationError: no kernel draws such an image.
        """
        try:
            return ImageSpecification(
                version=self.version,
                pixels=self.pixels,
                window=self.window,
                pixel_rule=self.pixelRule,
                edge_rule=self.edgeRule,
                phi_rule=self.phiRule,
                normalisation=self.normalisation,
                minimum_energy=self.minimumEnergy,
            )
        except ValueError as error:
            raise ConfigurationError(str(error)) from None


class JetImageProducer(EDProducer):
    """Draws one image for each jet, from all crystals in its window."""

    class Params(ParameterDescription):
        """What to draw."""

        crystals: Annotated[InputTag, doc("the crystals to draw")] = InputTag("ecalCrystals")
        jets: Annotated[InputTag, doc("the jets to draw them around")] = InputTag("ecalJets")
        image: Annotated[ImageParameters, doc("the image specification")] = msgspec.field(
            default_factory=ImageParameters
        )

    def __init__(self, params: Params, declare: Declare) -> None:
        self._crystals = declare.consumes(EcalCrystals, params.crystals)
        self._jets = declare.consumes(Jets, params.jets)
        self._specification = params.image.specification()
        self._images = declare.produces(JetImages, attributes={"image_spec": self._specification.to_dict()})

    def begin_job(self) -> None:
        """Compiles the kernel now, or loads it compiled, so that the first event is no slower."""
        draw_jet_images(self._specification, [1.0], [0.0], [0.0], [1.0], [0.0], [0.0])

    def produce(self, event: Event) -> None:
        """Puts the images, in the order of the jets."""
        crystals, jets = event.get(self._crystals), event.get(self._jets)
        images = draw_jet_images(
            self._specification, crystals.energy, crystals.eta, crystals.phi, jets.pt, jets.eta, jets.phi
        )
        event.put(self._images, JetImages(images.counts, images.index, images.value))
