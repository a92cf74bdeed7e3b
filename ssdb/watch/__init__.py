"""Follows folders: what comes is ingested, and the visits that it completes are predicted and associated."""
