"""From labelled text to a classifier worth exporting. Needs the extra `limen[train]`."""

from limen.extras import require

require("train", ("accelerate", "imblearn"))
