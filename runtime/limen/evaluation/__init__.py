"""Fitting and judging classifiers on labelled texts. Needs the extra `limen[evaluate]`; no
torch.
"""

from limen.extras import require

require("evaluate", ("matplotlib", "scipy", "sklearn"))
