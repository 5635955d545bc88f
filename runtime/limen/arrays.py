"""The array types that signatures in limen use."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
WideArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
Feeds: TypeAlias = Mapping[str, npt.NDArray[np.int64 | np.float32]]
