"""The sub-commands of the exporter."""
