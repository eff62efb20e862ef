"""The way in: files and references become entries of a draft."""
