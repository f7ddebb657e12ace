"""A latent space to walk in: a page in the browser, from a server or as one file."""

from latente.explorer.launch import Explorer, explore, export_page, open_explorer, serve

__all__ = ["Explorer", "explore", "export_page", "open_explorer", "serve"]
