"""The catalog of a store in SQL, with a module for each noun. Functions take a connection and begin no transaction."""
