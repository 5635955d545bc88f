"""What people read of results: one self-contained HTML page, and Markdown tables."""
