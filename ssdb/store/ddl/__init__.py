"""The tables, views and partitions themselves: made, changed, set aside."""
