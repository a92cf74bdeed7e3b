"""Readers of formats that other software writes, one a module."""
