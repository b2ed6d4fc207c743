"""Runs a network on any OpenCL device: ONNX graph, layer descriptions, launches, device."""
