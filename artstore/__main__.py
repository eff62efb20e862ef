"""`python -m artstore` is the command `artstore`."""

from artstore.cli import main

if __name__ == "__main__":
    main()
