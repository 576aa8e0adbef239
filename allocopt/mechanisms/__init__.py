"""Who pays in what order: layers, waterfalls and their runs."""
