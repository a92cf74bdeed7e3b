"""What people and programs ask of the database: status, queries, exports, results. Nothing here writes to it."""
