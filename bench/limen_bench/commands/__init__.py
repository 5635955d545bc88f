"""The sub-commands of the bench."""
