"""Tests of accelerator_server.backends.onnxruntime."""
