"""The tables, views and partitions themselves: made, changed, detached."""
