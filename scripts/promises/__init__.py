"""What callers rely on: read from the source, and compared with what was promised before."""
