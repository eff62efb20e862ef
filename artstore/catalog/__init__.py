"""SQL and nothing else, a module a noun: functions take the connection first, and none begins a transaction."""
