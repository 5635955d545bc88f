"""Sources of models: each module yields the same `Reference`."""
