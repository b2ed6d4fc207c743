"""Events from files and into files: sources, layouts, the file format of our own, and the output module."""
