"""Keep torch out, and all that torch imports.

onnxruntime reaches this module for its debugging report only (`print_debug_info`), where it asks
torch for a version. Frozen in an environment that has torch, a program that decides would be 1.1 GB
instead of 150 MB. A program that imports torch itself keeps it.
"""

excludedimports = ["torch", "tensorflow", "psutil", "cpuinfo", "py3nvml"]
