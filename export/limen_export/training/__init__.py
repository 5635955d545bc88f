"""From labelled text to a classifier worth exporting. Needs the extra `limen[train]`."""

from limen.extras import TRAINING, require

require("train", TRAINING)
