"""A latent space to walk in: a page in the browser, from a server or as one file.

`launch` opens it and `build_page` puts it together from ``page/``. What the page asks the server, in `server.ROUTES`:

====  =============  ========================================================================================
GET   /              the page, as `build_page.build` made it
GET   /api/runs      `catalogue.RunCatalogue.table`: the runs and whether they are finished
GET   /api/scene     `run_view.RunView.scene`: the codes of a split, and all the page must know of the run
GET   /api/examples  `run_view.RunView.examples`: examples as they are drawn
GET   /api/fitted    `run_view.RunView.fitted`: a mixture fitted to the codes
GET   /api/program   `run_view.RunView.program`: the decoder, for the page to compute by itself
GET   /api/progress  `catalogue.RunCatalogue.progress`: the curves and reconstructions of a training
POST  /api/decode    `run_view.RunView.decode`: codes to images
POST  /api/encode    `run_view.RunView.encode`: examples to codes
POST  /api/nearest   `run_view.RunView.nearest`: the training examples nearest to one
POST  /api/picture   `uploads.read_image`: an image file to pixels
====  =============  ========================================================================================
"""

from latente.explorer.launch import Explorer, explore, export_page, open_explorer, serve

__all__ = ["Explorer", "explore", "export_page", "open_explorer", "serve"]
