"""Numbers in sentences: true minus signs, and the decimal mark of the language."""

from latente.language.words import Words


def test_numbers_have_true_minus_signs_and_the_marks_of_the_language():
    en, pt = Words("en"), Words("pt")
    assert en.number(-1234.5, "+,.1f") == "−1,234.5"
    assert pt.number(-1234.5, "+,.1f") == "−1.234,5"
    assert pt.number(12, ",d") == "12"
    # What is no number stays as it is: names have hyphens and points.
    assert en.format_field("latent-2", "") == pt.format_field("latent-2", "") == "latent-2"
    assert pt.format_field("v0.1", "") == "v0.1"
