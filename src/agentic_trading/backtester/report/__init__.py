"""What people look at: the terminal report and the HTML page, both from the same content."""
