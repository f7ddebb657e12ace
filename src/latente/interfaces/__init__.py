"""Interfaces: Python, the command line, studies, figures and the report; thin, over the stages before them."""
