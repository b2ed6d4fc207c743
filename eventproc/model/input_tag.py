"""InputTag: how a job configuration names a product."""

from __future__ import annotations

from eventproc.errors import ConfigurationError


class InputTag:
    """Label, instance and process of a product, as in ``label:instance:process``.

    An empty instance is the unnamed product of a module. An empty process means the most recent process
    that made the product, this one first (DataFormats/FWLite InputTag.h).
    """

    __slots__ = ("instance", "label", "process")

    def __init__(self, label: str, instance: str = "", process: str = "") -> None:
        """Takes the three parts, or the joined form as the only argument.

        Raises:
            ConfigurationError: the label is empty or there are more than three parts.
        """
        if not instance and not process and ":" in label:
            parts = label.split(":")
            if len(parts) > 3:
                message = f"InputTag {label!r} has {len(parts)} parts; at most label:instance:process"
                raise ConfigurationError(message)
            label, instance, process = (*parts, "", "")[:3]
        if not label:
            message = "an InputTag needs a label: 'label', 'label:instance' or 'label:instance:process'"
            raise ConfigurationError(message)
        self.label = label
        self.instance = instance
        self.process = process

    def _key(self) -> tuple[str, str, str]:
        return (self.label, self.instance, self.process)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InputTag) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        return ":".join(self._key()).rstrip(":")

    def __repr__(self) -> str:
        return f"InputTag({str(self)!r})"
