"""What a test expects to have been sent, held against what was."""

from ._expectation import Expectation, Seen, contact_in
from ._holder import Evidence, SentEvents
from ._text import about, counted, misfit, unexpected

__all__ = ["Evidence", "Expectation", "Seen", "SentEvents", "about", "contact_in", "counted", "misfit", "unexpected"]
