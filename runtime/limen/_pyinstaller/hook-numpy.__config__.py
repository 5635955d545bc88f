"""Keep yaml out (2.7 MB), which numpy prints its own build with where it is there."""

excludedimports = ["yaml"]
