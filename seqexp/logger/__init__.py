"""Loggers that Lightning has not."""
