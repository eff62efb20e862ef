"""The pages that `artstore ui` serves: runs, artifacts, lineage and space, rendered by the server, also as JSON."""
