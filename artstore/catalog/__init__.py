"""The catalog of a store in SQL, with a module for each noun: functions take a connection and begin no transaction."""
