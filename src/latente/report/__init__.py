"""What a study found, shown: tables, figures, sentences, the page."""
