"""The SQL about artifacts, by noun. Functions take the connection first; none of them begins or ends a transaction."""
