"""Few sources with time courses."""
