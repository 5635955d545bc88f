"""`python -m limen`, the same as the command `limen`."""

import sys

from limen.command_line import main

sys.exit(main())
