"""The tests, in folders that mirror the packages; what several of them need is in `tests.support`."""
