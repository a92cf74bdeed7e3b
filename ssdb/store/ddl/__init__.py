"""The schema of the database: tables, views, partitions and roles."""
