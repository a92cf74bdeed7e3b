"""The only writers of the tables: one module a table or group of tables, with its locks, state and order of steps."""
