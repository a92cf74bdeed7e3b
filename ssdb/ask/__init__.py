"""What people and programs ask the database for: status, queries, exports, results. Nothing here writes to it."""
