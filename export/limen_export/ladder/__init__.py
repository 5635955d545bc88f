"""Precisions of one graph, from the fastest to the exact one, and the choice among them."""
