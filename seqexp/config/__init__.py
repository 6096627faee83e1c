"""The typed configuration: how it is composed, checked and guarded, and what is said of a wrong one."""
