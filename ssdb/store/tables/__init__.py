"""What is read from and written to each of the tables, one module a table or group of tables."""
