"""Tools for Python and the operating system. These modules know nothing of artifacts."""
