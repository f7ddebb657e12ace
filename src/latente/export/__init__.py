"""A trained model as files of other frameworks, and the list of layers that they, and the explorer's page, read."""
