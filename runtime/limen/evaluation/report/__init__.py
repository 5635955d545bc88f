"""How a judgement is shown: in a terminal, and as a page."""
