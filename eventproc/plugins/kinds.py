"""Whether a plugin is what the job file calls it: cms.EDFilter for a filter, and so on."""

from __future__ import annotations

from eventproc.errors import ConfigurationError
from eventproc.model.descriptions import ComponentDescription


def check_kind(plugin: object, component: ComponentDescription) -> None:
    """Compares a plugin's class with the job file's word for it.

    Args:
        plugin: what `load_plugin` returned.
        component: the component that names it.

    Raises:
        ConfigurationError: it is no class of the framework, or the job file calls it by another word.
    """
    kind = getattr(plugin, "kind", "")
    who = f"{component.kind} {component.label!r}" + (f" ({component.where})" if component.where else "")
    if not isinstance(plugin, type) or not isinstance(kind, str) or not kind:
        message = (
            f"{who}: plugin {component.type!r} is no module, source or service of this framework: {plugin!r}"
        )
        raise ConfigurationError(message)
    if kind != component.kind:
        message = (
            f"{who}: {component.type} is a cms.{kind}, not a cms.{component.kind}; "
            f"write cms.{kind}({component.type!r}, ...)"
        )
        raise ConfigurationError(message)
