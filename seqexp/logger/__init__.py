"""Loggers whose stores hold a whole sweep; Lightning's write one run each."""
