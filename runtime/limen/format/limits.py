"""Caps that a classifier file may not exceed (docs/format.md, "Caps").

They keep a hostile file from exhausting memory or time before it is refused. Each is well above
what real
models need: the largest public tokenizer JSON (256,000 pieces) is about 35 MB, XLM-R's is 17 MB.
"""

MAX_FILE_BYTES = 2 * 1024**3 - 1
"""protobuf's own limit for one message."""

MAX_PROPERTY_BYTES = 64 * 1024**2
"""One `limen.*` property as stored."""

MAX_TOKENIZER_BYTES = 64 * 1024**2
"""The tokenizer JSON once inflated."""

MAX_EXPANSION = 200
"""Inflated over deflated size of the tokenizer JSON; real ones are 3 to 8, a zip bomb is 1,000."""

MAX_LABELS = 10_000
MAX_LABEL_CHARACTERS = 1_000
MAX_OPERATING_POINTS = 100
MAX_OUTPUTS = 100_000
"""Width of the logits; one_vs_one over 447 labels."""

MAX_KNOTS = 1_000
"""Knots of one calibration curve."""

MAX_REPLACED_BLOCKS = 8
"""Blocks of calibration and points that a file keeps beside the one in use."""

MAX_GOLDEN_TEXTS = 64
MAX_GOLDEN_CHARACTERS = 10_000
MAX_TOKENS = 1_048_576
MAX_VECTORISERS = 64
"""Side by side in one encoder of kind `tfidf`."""

MAX_WEIGHTINGS = 8
MAX_FEATURES = 2**26
"""Of all vectorisers; scikit-learn hashes into 2^20 by default."""

MAX_TERM_BYTES = 2**27
"""Of all terms of a vectoriser: a million terms of 20 letters take a sixth of it. What opening such
a file takes grows with them, up to 30 bytes for each."""

MAX_NGRAM = 100
MAX_STOP_WORDS = 100_000
MAX_JSON_DEPTH = 32
MAX_NODES = 200_000
MAX_TOP_LEVEL_RECORDS = 10_000
