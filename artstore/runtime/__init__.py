"""What the program needs of Python and the operating system, and knows nothing of artifacts."""
