"""The demo: the project's own corpus and a small real backbone, through the whole path, offline."""
