"""limen: decide with a text classifier that is one file.

import limen
model = limen.load("emotion.onnx")
print(model("What a day!").labels)
"""

from limen.errors import (
    EngineError,
    ExportError,
    FormatError,
    InputError,
    LimenError,
    MissingExtraError,
    OutputError,
)
from limen.format import Windows
from limen.model import Model
from limen.opening import load
from limen.prediction import Prediction, Scores

__version__ = "0.1.0"

__all__ = [
    "EngineError",
    "ExportError",
    "FormatError",
    "InputError",
    "LimenError",
    "MissingExtraError",
    "Model",
    "OutputError",
    "Prediction",
    "Scores",
    "Windows",
    "__version__",
    "load",
]
