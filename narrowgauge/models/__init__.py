"""Checkpoint reading, adapter merging, quantising and ONNX writing, with numpy and onnx alone."""
