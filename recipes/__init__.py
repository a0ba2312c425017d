"""One task, one script; run them as `python -m recipes.NAME --help`."""
