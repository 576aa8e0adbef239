"""Characteristic functions built from facts: the worth of every coalition."""
