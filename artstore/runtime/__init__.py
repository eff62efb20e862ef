"""What artstore needs from Python and the operating system; these modules know nothing of artifacts."""
