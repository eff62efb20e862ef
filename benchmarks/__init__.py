"""Benchmarks of artstore, compared with the simplest program that does the same work on the same machine."""
