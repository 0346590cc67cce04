"""One module for each page, or family of pages: each view parses, asks one query after another, and renders."""
