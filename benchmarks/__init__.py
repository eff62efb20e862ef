"""What artstore's speed is, against the plainest thing that does the same work on the same machine."""
