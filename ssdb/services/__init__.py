"""Clients of web services that predict, and their answers into the database."""
