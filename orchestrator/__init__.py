"""Keeps card data out of call recordings: mutes exactly the calls that a sensitive section covers."""

__version__ = "0.1.0"
