"""What a measuring process can be asked to do with its engine, one module for each task."""
