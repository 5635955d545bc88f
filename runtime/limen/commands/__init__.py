"""The sub-commands that the light runtime brings itself."""
