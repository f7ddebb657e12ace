"""A study's report in other forms than a page: tables for papers, a notebook, a PDF."""
