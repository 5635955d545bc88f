"""What a frozen program needs of limen, and what it does not."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("limen", includes=["corpus/*"])
# Imported by name where they are needed, or only by what decides nothing.
hiddenimports = ["onnxruntime", "tokenizers"]
excludedimports = [
    "huggingface_hub",
    "limen_bench",
    "limen_export",
    "matplotlib",
    "onnx",
    "scipy",
    "sklearn",
    "sympy",
    "torch",
    "transformers",
]
