"""One kind of file a module: what is looked at before it is read, and the tables in it."""
