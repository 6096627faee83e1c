"""Callbacks: what else happens while a population trains."""
