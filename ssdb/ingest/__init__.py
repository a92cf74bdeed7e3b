"""The door: files become columns, columns are made to fit the data model, and what is wrong is named."""
