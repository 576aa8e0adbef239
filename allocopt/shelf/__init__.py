"""Models and datasets by name: documents read, checked and resolved."""
