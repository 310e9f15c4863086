"""The pages, as programs and as a browser see them."""
