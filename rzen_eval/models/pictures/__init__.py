"""From a picture to what a vision tower takes."""
