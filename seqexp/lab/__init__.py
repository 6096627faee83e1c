"""The lab sheet, answered: experiments for what it states, and whether that holds."""
