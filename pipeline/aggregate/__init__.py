"""Frames become windows that are closed exactly once; pure."""
