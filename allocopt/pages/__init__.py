"""Pages and figures a committee can read."""
