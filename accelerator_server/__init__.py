"""Serves models on accelerators and CPUs with the Open Inference Protocol v2; knows nothing of physics."""

__version__ = "0.1.0"
