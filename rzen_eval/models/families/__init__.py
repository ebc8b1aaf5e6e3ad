"""One class an architecture that runs here."""
