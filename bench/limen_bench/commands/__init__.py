"""The commands `limen bench`, `limen bench report` and `limen bench compare`. They need the extra
`limen[bench]`; the measuring process (`limen_bench.worker`) does not.
"""

from limen.extras import require

require("bench", ("sklearn", "scipy", "onnx", "matplotlib"))
