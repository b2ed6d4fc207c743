"""Plugins by name: classes that a package lists in its table of entry points."""

from eventproc.plugins.kinds import check_kind
from eventproc.plugins.loading import COMMANDS, LAYOUTS, PLUGINS, load_plugin, plugin_names

__all__ = ["COMMANDS", "LAYOUTS", "PLUGINS", "check_kind", "load_plugin", "plugin_names"]
