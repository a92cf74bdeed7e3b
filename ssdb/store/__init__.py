"""The database: connections and transactions, its schema, rows in bulk, and the only statements that change rows."""
