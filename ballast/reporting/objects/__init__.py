"""What is seen of an object in a notebook and a terminal: ``ballast.shown`` asks for its text, its HTML, its figure."""

from ballast.reporting.objects.figures import figure
from ballast.reporting.objects.sheets import html, text

__all__ = ["figure", "html", "text"]
