"""Reading and writing of files, and of tables in memory; it knows no database."""
