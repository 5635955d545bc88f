"""From a torch module to ONNX graphs of several precisions."""
